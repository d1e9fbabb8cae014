import Alert from "@cloudscape-design/components/alert";
import Badge from "@cloudscape-design/components/badge";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";
import { useState } from "react";
import { call } from "../api/client";
import { Detail } from "../parts/Detail";
import { Failure } from "../parts/Failure";
import { moment, size } from "../parts/format";
import { to } from "../parts/route";
import { S3Link } from "../parts/S3Link";
import { Status } from "../parts/Status";
import { useLoaded } from "../parts/useLoaded";

interface Definition {
  FeatureName: string;
  FeatureType: string;
  CollectionType?: string;
}
interface Group {
  FeatureGroupName: string;
  RecordIdentifierFeatureName: string;
  EventTimeFeatureName: string;
  FeatureDefinitions: Definition[];
  CreationTime: number;
  Description?: string;
  FeatureGroupStatus: string;
  FailureReason?: string;
  OnlineStoreConfig?: { EnableOnlineStore?: boolean; StorageType?: string; TtlDuration?: { Unit: string; Value: number } };
  OnlineStoreTotalSizeBytes?: number;
  OfflineStoreConfig?: {
    S3StorageConfig: { S3Uri: string; ResolvedOutputS3Uri?: string };
    DataCatalogConfig?: { TableName: string; Database: string };
  };
  OfflineStoreStatus?: { Status: string; BlockedReason?: string };
}

/** A feature group: its features, a record of the online store, and where the offline one is. */
export function FeatureGroup({ name }: { name: string }) {
  const loaded = useLoaded(() => call<Group>("sagemaker", "DescribeFeatureGroup", { FeatureGroupName: name }), [name], ["feature-group"], name);
  return (
    <Detail name={name} among={["Feature groups", "feature-groups"]} loaded={loaded} failed={(group) => group.FailureReason}>
      {(group) => (
        <>
          {group.OfflineStoreStatus?.BlockedReason && (
            <Alert type="warning" header="The offline store is not written">
              <span className="name">{group.OfflineStoreStatus.BlockedReason}</span>
            </Alert>
          )}
          <Summary group={group} />
          {group.OnlineStoreConfig?.EnableOnlineStore && <Lookup group={group} />}
          <Table
            header={<Header counter={`(${group.FeatureDefinitions.length})`}>Features</Header>}
            items={group.FeatureDefinitions}
            trackBy="FeatureName"
            columnDefinitions={[
              {
                id: "name",
                header: "Name",
                isRowHeader: true,
                cell: ({ FeatureName }) => (
                  <>
                    {FeatureName} {FeatureName === group.RecordIdentifierFeatureName && <Badge color="blue">record identifier</Badge>}
                    {FeatureName === group.EventTimeFeatureName && <Badge>event time</Badge>}
                  </>
                ),
              },
              { id: "type", header: "Type", cell: (each) => (each.CollectionType ? `${each.CollectionType} of ${each.FeatureType}` : each.FeatureType) },
            ]}
          />
        </>
      )}
    </Detail>
  );
}

function Summary({ group }: { group: Group }) {
  const online = group.OnlineStoreConfig?.EnableOnlineStore ? group.OnlineStoreConfig : undefined;
  const offline = group.OfflineStoreConfig;
  const catalog = offline?.DataCatalogConfig;
  return (
    <Container>
      <KeyValuePairs
        columns={3}
        items={[
          { label: "Status", value: <Status value={group.FeatureGroupStatus} /> },
          { label: "Created", value: moment(group.CreationTime) },
          { label: "Online store", value: online ? (online.StorageType ?? "Standard") : "none" },
          { label: "Records live", value: online?.TtlDuration ? `${online.TtlDuration.Value} ${online.TtlDuration.Unit.toLowerCase()}` : "until they are deleted" },
          ...(group.OnlineStoreTotalSizeBytes === undefined ? [] : [{ label: "Size online", value: size(group.OnlineStoreTotalSizeBytes) }]),
          { label: "Offline store", value: group.OfflineStoreStatus ? <Status value={group.OfflineStoreStatus.Status} /> : "none" },
          ...(offline ? [{ label: "Files", value: <S3Link uri={offline.S3StorageConfig.ResolvedOutputS3Uri ?? offline.S3StorageConfig.S3Uri} whole /> }] : []),
          ...(catalog ? [{ label: "Table", value: <Link href={`${to("athena")}?database=${encodeURIComponent(catalog.Database)}&table=${encodeURIComponent(catalog.TableName)}`}>{`${catalog.Database}.${catalog.TableName}`}</Link> }] : []),
          ...(group.Description ? [{ label: "Description", value: group.Description }] : []),
        ]}
      />
    </Container>
  );
}

interface Value {
  FeatureName: string;
  ValueAsString?: string;
  ValueAsStringList?: string[];
}
interface Answer {
  Record?: Value[];
  ExpiresAt?: string;
}

/** A form that shows a record by its identifier. */
function Lookup({ group }: { group: Group }) {
  const [identifier, setIdentifier] = useState("");
  const [found, setFound] = useState<Answer & { identifier: string }>();
  const [error, setError] = useState<Error>();
  const [busy, setBusy] = useState(false);
  async function look(): Promise<void> {
    setBusy(true);
    setError(undefined);
    const params = { FeatureGroupName: group.FeatureGroupName, RecordIdentifierValueAsString: identifier, ExpirationTimeResponse: "Enabled" };
    await call<Answer>("sagemaker-featurestore-runtime", "GetRecord", params).then((answer) => setFound({ ...answer, identifier }), setError);
    setBusy(false);
  }
  return (
    <Container header={<Header variant="h2" description="The newest values of a record, as a model that serves sees them">Online store</Header>}>
      <SpaceBetween size="m">
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void look();
          }}
        >
          <FormField
            label={group.RecordIdentifierFeatureName}
            secondaryControl={
              <Button formAction="submit" loading={busy} disabled={!identifier}>
                Look up
              </Button>
            }
          >
            <Input value={identifier} onChange={({ detail }) => setIdentifier(detail.value)} placeholder="The record's identifier" />
          </FormField>
        </form>
        {error && <Failure error={error} />}
        {found && !error && (
          <div role="status">
            {found.Record ? (
              <Table
                variant="borderless"
                header={<Header variant="h3" description={found.ExpiresAt && `It expires ${moment(found.ExpiresAt)}.`}>{found.identifier}</Header>}
                items={found.Record}
                trackBy="FeatureName"
                wrapLines
                columnDefinitions={[
                  { id: "name", header: "Feature", cell: (each) => each.FeatureName, isRowHeader: true },
                  { id: "value", header: "Value", cell: (each) => <span className="name">{each.ValueAsStringList?.join(", ") ?? each.ValueAsString}</span> },
                ]}
              />
            ) : (
              <Box>There is no record {found.identifier} in the online store. PutRecord of sagemaker-featurestore-runtime puts one there.</Box>
            )}
          </div>
        )}
      </SpaceBetween>
    </Container>
  );
}
