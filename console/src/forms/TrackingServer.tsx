import { Choice, Suggest, Switch, Text } from "./fields";
import { CreateForm, fresh, Section } from "./form";
import { folder, roles } from "./known";

interface Values {
  known: string[];
  name: string;
  store: string;
  role: string;
  size: string;
  registers: boolean;
}

async function begin(role: string): Promise<Values> {
  const [known, store] = await Promise.all([roles(), folder("mlflow")]);
  return { known, name: fresh("tracking"), store, role, size: "Small", registers: false };
}

export function CreateTrackingServer({ role }: { role: string }) {
  return (
    <CreateForm
      title="Create MLflow tracking server"
      list="mlflow"
      begin={() => begin(role)}
      calls={(values) => [
        {
          service: "sagemaker",
          operation: "CreateMlflowTrackingServer",
          params: {
            TrackingServerName: values.name,
            ArtifactStoreUri: values.store,
            RoleArn: values.role,
            TrackingServerSize: values.size,
            AutomaticModelRegistration: values.registers,
          },
        },
      ]}
      then={({ name }) => ["mlflow", name]}
    >
      {(of) => (
        <Section title="Tracking server">
          <Text of={of} name="name" member="TrackingServerName" label="Name" />
          <Text of={of} name="store" member="ArtifactStoreUri" label="Artifacts" description="Where models and files of runs go: s3://bucket/prefix" />
          <Suggest of={of} name="role" member="RoleArn" label="Role" description="What the server may do: reading and writing the artifacts, at least." options={of.values.known} />
          <Choice of={of} name="size" member="TrackingServerSize" label="Size" options={[{ value: "Small" }, { value: "Medium" }, { value: "Large" }]} />
          <Switch of={of} name="registers" label="Register models" description="A model that is registered in MLflow is registered in SageMaker's registry too." />
        </Section>
      )}
    </CreateForm>
  );
}
