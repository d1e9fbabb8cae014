import type { Params } from "../api/client";
import { Rows, Suggest, Switch, Text } from "./fields";
import { CreateForm, fresh, given, Section, Sections } from "./form";
import { folder, roles } from "./known";

interface Feature extends Record<string, string> {
  name: string;
  type: string;
}

interface Values {
  known: string[];
  name: string;
  id: string;
  time: string;
  features: Feature[];
  online: boolean;
  offline: boolean;
  address: string;
  role: string;
  description: string;
}

async function begin(role: string): Promise<Values> {
  const [known, address] = await Promise.all([roles(), folder("features")]);
  const features = [
    { name: "customer_id", type: "String" },
    { name: "event_time", type: "String" },
    { name: "amount", type: "Fractional" },
  ];
  return { known, name: fresh("features"), id: "customer_id", time: "event_time", features, online: true, offline: address !== "", address, role, description: "" };
}

function request(values: Values): Params {
  return {
    FeatureGroupName: values.name,
    RecordIdentifierFeatureName: values.id,
    EventTimeFeatureName: values.time,
    FeatureDefinitions: values.features.map(({ name, type }) => ({ FeatureName: name, FeatureType: type })),
    OnlineStoreConfig: values.online ? { EnableOnlineStore: true } : undefined,
    OfflineStoreConfig: values.offline ? { S3StorageConfig: { S3Uri: values.address } } : undefined,
    RoleArn: values.role,
    Description: given(values.description),
  };
}

export function CreateFeatureGroup({ role }: { role: string }) {
  return (
    <CreateForm
      title="Create feature group"
      list="feature-groups"
      begin={() => begin(role)}
      calls={(values) => [{ service: "sagemaker", operation: "CreateFeatureGroup", params: request(values) }]}
      then={({ name }) => ["feature-groups", name]}
    >
      {(of) => (
        <Sections>
          <Section title="Feature group">
            <Text of={of} name="name" member="FeatureGroupName" label="Name" />
            <Text of={of} name="description" member="Description" label="Description" />
            <Suggest of={of} name="role" member="RoleArn" label="Role" description="What may write into the offline store." options={of.values.known} />
          </Section>
          <Section title="Features">
            <Rows
              of={of}
              name="features"
              member="FeatureDefinitions"
              fresh={{ name: "", type: "String" }}
              add="Add feature"
              columns={[
                { key: "name", label: "Name", member: "FeatureName" },
                { key: "type", label: "Type", member: "FeatureType", options: ["String", "Integral", "Fractional"] },
              ]}
            />
            <Suggest of={of} name="id" member="RecordIdentifierFeatureName" label="Record identifier" description="The feature that tells one thing from another." options={of.values.features.map((each) => each.name)} />
            <Suggest
              of={of}
              name="time"
              member="EventTimeFeatureName"
              label="Event time"
              description="The feature that says when: a string as 2026-01-31T12:00:00Z, or a fractional of seconds."
              options={of.values.features.map((each) => each.name)}
            />
          </Section>
          <Section title="Stores">
            <Switch of={of} name="online" label="Online store" description="The latest record of each identifier, within milliseconds." />
            <Switch of={of} name="offline" label="Offline store" description="All records as Parquet in S3, for training and for Athena." />
            {of.values.offline && <Text of={of} name="address" member="OfflineStoreConfig.S3StorageConfig.S3Uri" label="Where" description="s3://bucket/prefix" />}
          </Section>
        </Sections>
      )}
    </CreateForm>
  );
}
