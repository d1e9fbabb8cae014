import Link from "@cloudscape-design/components/link";
import { all, defaultRole } from "../api/client";
import { Create } from "../parts/Create";
import { moment } from "../parts/format";
import { Listing } from "../parts/Listing";
import { to } from "../parts/route";
import { Status } from "../parts/Status";
import { Teach } from "../parts/Teach";
import { useLoaded } from "../parts/useLoaded";

interface Group {
  FeatureGroupName: string;
  FeatureGroupStatus: string;
  OfflineStoreStatus?: { Status: string };
  CreationTime: number;
}

export function FeatureGroups() {
  const loaded = useLoaded(() => all<Group>("sagemaker", "ListFeatureGroups", "FeatureGroupSummaries", { MaxResults: 100 }), [], ["feature-group"]);
  return (
    <Listing
      title="Feature groups"
      actions={<Create what="feature group" page="create-feature-group" />}
      loaded={loaded}
      id={(each) => each.FeatureGroupName}
      teach={
        <Teach
          title="There are no feature groups yet."
          operation="CreateFeatureGroup"
          params={{
            FeatureGroupName: "houses",
            RecordIdentifierFeatureName: "id",
            EventTimeFeatureName: "time",
            FeatureDefinitions: [
              { FeatureName: "id", FeatureType: "Integral" },
              { FeatureName: "time", FeatureType: "String" },
              { FeatureName: "rooms", FeatureType: "Integral" },
            ],
            OnlineStoreConfig: { EnableOnlineStore: true },
            OfflineStoreConfig: { S3StorageConfig: { S3Uri: "s3://bucket/features/" } },
            RoleArn: defaultRole(),
          }}
        >
          A feature group keeps records: the newest of each identifier for models that serve, all of them in S3 for models that train.
        </Teach>
      }
      columns={[
        { id: "name", header: "Name", cell: (each) => <Link href={to("feature-groups", each.FeatureGroupName)}>{each.FeatureGroupName}</Link>, isRowHeader: true, sortingField: "FeatureGroupName" },
        { id: "status", header: "Status", cell: (each) => <Status value={each.FeatureGroupStatus} />, sortingField: "FeatureGroupStatus" },
        { id: "offline", header: "Offline store", cell: (each) => (each.OfflineStoreStatus ? <Status value={each.OfflineStoreStatus.Status} /> : "none") },
        { id: "created", header: "Created", cell: (each) => moment(each.CreationTime), sortingField: "CreationTime" },
      ]}
    />
  );
}
