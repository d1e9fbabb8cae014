import Box from "@cloudscape-design/components/box";
import Link from "@cloudscape-design/components/link";
import { all } from "../api/client";
import { moment } from "../parts/format";
import { Create } from "../parts/Create";
import { Listing } from "../parts/Listing";
import { to } from "../parts/route";
import { Status } from "../parts/Status";
import { useLoaded } from "../parts/useLoaded";

interface Summary {
  EndpointName: string;
  EndpointStatus: string;
  CreationTime: number;
  LastModifiedTime: number;
}

export function Endpoints() {
  const loaded = useLoaded(() => all<Summary>("sagemaker", "ListEndpoints", "Endpoints", { MaxResults: 100 }), [], ["endpoint"]);
  return (
    <Listing
      title="Endpoints"
      actions={<Create what="endpoint" page="create-endpoint" />}
      loaded={loaded}
      id={(each) => each.EndpointName}
      teach={
        <Box>
          <b>Nothing is deployed yet.</b>
          <p>An endpoint answers predictions from a model, on as many instances as you say. Create one here, or let estimator.deploy() of the SDK do it.</p>
        </Box>
      }
      columns={[
        { id: "name", header: "Name", cell: (each) => <Link href={to("endpoints", each.EndpointName)}>{each.EndpointName}</Link>, isRowHeader: true, sortingField: "EndpointName" },
        { id: "status", header: "Status", cell: (each) => <Status value={each.EndpointStatus} />, sortingField: "EndpointStatus" },
        { id: "created", header: "Created", cell: (each) => moment(each.CreationTime), sortingField: "CreationTime" },
        { id: "changed", header: "Changed", cell: (each) => moment(each.LastModifiedTime), sortingField: "LastModifiedTime" },
      ]}
    />
  );
}
