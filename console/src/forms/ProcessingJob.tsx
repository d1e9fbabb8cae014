import type { Params } from "../api/client";
import { NamedValues, Rows, Suggest, Text, mapOf, type Pair } from "./fields";
import { CreateForm, fresh, given, number, Section, Sections } from "./form";
import { folder, INSTANCES, roles, SKLEARN, TRAINING_IMAGES } from "./known";

interface Place extends Record<string, string> {
  name: string;
  address: string;
  path: string;
}

interface Values {
  known: string[];
  name: string;
  image: string;
  script: string;
  arguments: string;
  role: string;
  instance: string;
  count: string;
  volume: string;
  seconds: string;
  inputs: Place[];
  outputs: Place[];
  environment: Pair[];
}

const CODE = "/opt/ml/processing/input/code";
const COLUMNS = (through: string) => [
  { key: "name", label: "Name", member: through === "S3Input" ? "InputName" : "OutputName" },
  { key: "address", label: "S3 address", member: `${through}.S3Uri`, width: 3 },
  { key: "path", label: "Folder of the job", member: `${through}.LocalPath`, width: 3 },
];

async function begin(role: string): Promise<Values> {
  const [known, output] = await Promise.all([roles(), folder("processed")]);
  return {
    known,
    name: fresh("processing"),
    image: SKLEARN,
    script: "",
    arguments: "",
    role,
    instance: "ml.m5.large",
    count: "1",
    volume: "30",
    seconds: "3600",
    inputs: [],
    outputs: [{ name: "output", address: output, path: "/opt/ml/processing/output" }],
    environment: [],
  };
}

function request(values: Values): Params {
  const input = ({ name, address, path }: Place) => ({
    InputName: name,
    S3Input: { S3Uri: address, LocalPath: path, S3DataType: "S3Prefix", S3InputMode: "File" },
  });
  const script = given(values.script);
  // The script is the last input, so that errors of the others name them by their place in the form.
  const inputs = [...values.inputs.map(input), ...(script ? [input({ name: "code", address: script, path: CODE })] : [])];
  const outputs = values.outputs.map(({ name, address, path }) => ({ OutputName: name, S3Output: { S3Uri: address, LocalPath: path, S3UploadMode: "EndOfJob" } }));
  const words = values.arguments.split("\n").filter(given);
  return {
    ProcessingJobName: values.name,
    AppSpecification: {
      ImageUri: values.image,
      ContainerEntrypoint: script ? ["python3", `${CODE}/${script.split("/").at(-1)}`] : undefined,
      ContainerArguments: words.length ? words : undefined,
    },
    RoleArn: values.role,
    ProcessingInputs: inputs.length ? inputs : undefined,
    ProcessingOutputConfig: outputs.length ? { Outputs: outputs } : undefined,
    ProcessingResources: { ClusterConfig: { InstanceType: values.instance, InstanceCount: number(values.count), VolumeSizeInGB: number(values.volume) } },
    StoppingCondition: { MaxRuntimeInSeconds: number(values.seconds) },
    Environment: mapOf(values.environment),
  };
}

export function CreateProcessingJob({ role }: { role: string }) {
  return (
    <CreateForm
      title="Create processing job"
      list="processing-jobs"
      begin={() => begin(role)}
      calls={(values) => [{ service: "sagemaker", operation: "CreateProcessingJob", params: request(values) }]}
      then={({ name }) => ["processing-jobs", name]}
    >
      {(of) => (
        <Sections>
          <Section title="Job">
            <Text of={of} name="name" member="ProcessingJobName" label="Name" />
            <Suggest of={of} name="image" member="AppSpecification.ImageUri" label="Image" description="The Python environment that the script runs in." options={TRAINING_IMAGES} />
            <Text of={of} name="script" member="AppSpecification.ContainerEntrypoint" label="Script" description="s3://bucket/…/prepare.py" />
            <Text of={of} name="arguments" member="AppSpecification.ContainerArguments" label="Arguments" description="One a line." rows={3} />
            <Suggest of={of} name="role" member="RoleArn" label="Role" description="What the job may do: reading its inputs and writing its outputs, at least." options={of.values.known} />
          </Section>
          <Section title="Inputs" description="What lies in S3 is in a folder when the script starts.">
            <Rows of={of} name="inputs" member="ProcessingInputs" columns={COLUMNS("S3Input")} fresh={{ name: "data", address: "", path: "/opt/ml/processing/input/data" }} add="Add input" />
          </Section>
          <Section title="Outputs" description="What the script leaves in a folder goes to S3.">
            <Rows
              of={of}
              name="outputs"
              member="ProcessingOutputConfig.Outputs"
              columns={COLUMNS("S3Output")}
              fresh={{ name: `output-${of.values.outputs.length + 1}`, address: "", path: "/opt/ml/processing/output" }}
              add="Add output"
            />
          </Section>
          <Section title="Instances">
            <Suggest of={of} name="instance" member="ProcessingResources.ClusterConfig.InstanceType" label="Instance type" options={INSTANCES} />
            <Text of={of} name="count" member="ProcessingResources.ClusterConfig.InstanceCount" label="Instances" />
            <Text of={of} name="volume" member="ProcessingResources.ClusterConfig.VolumeSizeInGB" label="Volume (GB)" />
            <Text of={of} name="seconds" member="StoppingCondition.MaxRuntimeInSeconds" label="Longest run" description="Seconds, after which the job is stopped." />
          </Section>
          <Section title="Environment">
            <NamedValues of={of} name="environment" member="Environment" add="Add variable" />
          </Section>
        </Sections>
      )}
    </CreateForm>
  );
}
