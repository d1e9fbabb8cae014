import Box from "@cloudscape-design/components/box";
import Link from "@cloudscape-design/components/link";
import { moment } from "../parts/format";
import { Create } from "../parts/Create";
import { Paged } from "../parts/Paged";
import { to } from "../parts/route";
import { Status } from "../parts/Status";

interface Summary {
  EndpointName: string;
  EndpointStatus: string;
  CreationTime: number;
  LastModifiedTime: number;
}

export function Endpoints() {
  return (
    <Paged<Summary>
      title="Endpoints"
      actions={<Create what="endpoint" page="create-endpoint" />}
      operation="ListEndpoints"
      member="Endpoints"
      statuses={["InService", "Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting", "Failed", "OutOfService"]}
      kinds={["endpoint"]}
      id={(each) => each.EndpointName}
      teach={
        <Box>
          <b>Nothing is deployed yet.</b>
          <p>An endpoint answers predictions from a model, on as many instances as you say. Create one here, or let estimator.deploy() of the SDK do it.</p>
        </Box>
      }
      columns={[
        { id: "name", header: "Name", cell: (each) => <Link href={to("endpoints", each.EndpointName)}>{each.EndpointName}</Link>, isRowHeader: true, sortingField: "Name", minWidth: 180 },
        { id: "status", header: "Status", cell: (each) => <Status value={each.EndpointStatus} />, sortingField: "Status" },
        { id: "created", header: "Created", cell: (each) => moment(each.CreationTime), sortingField: "CreationTime" },
        { id: "changed", header: "Changed", cell: (each) => moment(each.LastModifiedTime) },
      ]}
    />
  );
}
