import { Switch, Text } from "./fields";
import { CreateForm, fresh, Section, type Call } from "./form";

interface Values {
  name: string;
  versions: boolean;
}

function calls(values: Values, region: string): Call[] {
  const place = region === "us-east-1" ? undefined : { LocationConstraint: region };
  const create = { service: "s3", operation: "CreateBucket", params: { Bucket: values.name, CreateBucketConfiguration: place } };
  const versioning = { Bucket: values.name, VersioningConfiguration: { Status: "Enabled" } };
  return values.versions ? [create, { service: "s3", operation: "PutBucketVersioning", params: versioning }] : [create];
}

export function CreateBucket({ region }: { region: string }) {
  return (
    <CreateForm
      title="Create bucket"
      list="s3"
      begin={() => Promise.resolve({ name: fresh("bucket"), versions: false })}
      calls={(values) => calls(values, region)}
      then={({ name }) => ["s3", name]}
    >
      {(of) => (
        <Section title="Bucket">
          <Text of={of} name="name" member="Bucket" label="Name" description="3 to 63 lower-case letters, digits, dots and hyphens." />
          <Switch of={of} name="versions" label="Keep versions" description="What is overwritten or deleted can be had back." />
        </Section>
      )}
    </CreateForm>
  );
}
