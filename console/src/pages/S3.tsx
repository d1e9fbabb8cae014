import Box from "@cloudscape-design/components/box";
import Link from "@cloudscape-design/components/link";
import { call } from "../api/client";
import { Create } from "../parts/Create";
import { moment, type Time } from "../parts/format";
import { Listing } from "../parts/Listing";
import { to } from "../parts/route";
import { useLoaded } from "../parts/useLoaded";
import { Folder } from "./Folder";

export function S3({ bucket, prefix }: { bucket?: string; prefix: string }) {
  return bucket === undefined ? <Buckets /> : <Folder key={`${bucket}/${prefix}`} bucket={bucket} prefix={prefix} />;
}

interface Bucket {
  Name: string;
  CreationDate: Time;
}

function Buckets() {
  const loaded = useLoaded(async () => (await call<{ Buckets?: Bucket[] }>("s3", "ListBuckets")).Buckets ?? [], []);
  return (
    <Listing
      title="Buckets"
      loaded={loaded}
      id={(each) => each.Name}
      actions={<Create what="bucket" page="create-bucket" />}
      teach={<Box>There are no buckets yet. Data, code and models are kept in buckets: create one here, or by aws s3 mb s3://NAME.</Box>}
      columns={[
        { id: "name", header: "Name", cell: (each) => <Link href={to("s3", each.Name)}>{each.Name}</Link>, isRowHeader: true, sortingField: "Name" },
        { id: "created", header: "Created", cell: (each) => moment(each.CreationDate) },
      ]}
    />
  );
}
