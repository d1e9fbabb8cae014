import { call, type Params } from "../api/client";
import { NamedValues, Rows, Suggest, Text, mapOf, pairsOf, type Pair } from "./fields";
import { CreateForm, fresh, number, Section, Sections } from "./form";
import { folder, INSTANCES, roles, SKLEARN, TRAINING_IMAGES } from "./known";
import { CHANNEL_COLUMNS, channelsOf, FRESH_CHANNEL, inputData, type Channel } from "./channels";

/** What DescribeTrainingJob says, as far as forms begin with it. */
export interface DescribedJob extends Params {
  TrainingJobName: string;
  AlgorithmSpecification: Params & { TrainingImage?: string; MetricDefinitions?: { Name: string; Regex: string }[] };
  RoleArn: string;
  HyperParameters?: Record<string, string>;
  InputDataConfig?: Parameters<typeof channelsOf>[0];
  OutputDataConfig: Params & { S3OutputPath: string };
  ResourceConfig: Params & { InstanceType?: string; InstanceCount?: number };
  StoppingCondition: Params & { MaxRuntimeInSeconds: number };
  ModelArtifacts?: { S3ModelArtifacts: string };
}

export function described(name: string): Promise<DescribedJob> {
  return call("sagemaker", "DescribeTrainingJob", { TrainingJobName: name });
}

interface Values {
  /** What a clone takes over as it is, beyond what the form shows. */
  original: Partial<DescribedJob>;
  known: string[];
  name: string;
  image: string;
  role: string;
  instance: string;
  count: string;
  volume: string;
  output: string;
  seconds: string;
  channels: Channel[];
  parameters: Pair[];
  metrics: Pair[];
}

/** Members that the form does not show. */
const KEPT = ["VpcConfig", "Environment", "CheckpointConfig", "EnableManagedSpotTraining", "RetryStrategy", "EnableNetworkIsolation"];

/** Sensible defaults, or what another job was made of. */
async function begin(from: string | undefined, role: string): Promise<Values> {
  const known = await roles();
  if (from === undefined) {
    const one = { original: {}, known, name: fresh("training"), image: SKLEARN, role, instance: "ml.m5.large", count: "1", volume: "30" };
    return { ...one, output: await folder("output"), seconds: "3600", channels: [], parameters: [], metrics: [] };
  }
  const job = await described(from);
  return {
    original: job,
    known,
    name: `${job.TrainingJobName.slice(0, 55)}-copy`,
    image: job.AlgorithmSpecification.TrainingImage ?? "",
    role: job.RoleArn,
    instance: job.ResourceConfig.InstanceType ?? "",
    count: String(job.ResourceConfig.InstanceCount ?? 1),
    volume: String(job.ResourceConfig["VolumeSizeInGB"] ?? 30),
    output: job.OutputDataConfig.S3OutputPath,
    seconds: String(job.StoppingCondition.MaxRuntimeInSeconds),
    channels: channelsOf(job.InputDataConfig),
    parameters: pairsOf(job.HyperParameters),
    metrics: (job.AlgorithmSpecification.MetricDefinitions ?? []).map(({ Name, Regex }) => ({ name: Name, value: Regex })),
  };
}

function request(values: Values): Params {
  const { original } = values;
  const kept = KEPT.filter((each) => each in original).map((each) => [each, original[each]]);
  return {
    TrainingJobName: values.name,
    AlgorithmSpecification: {
      TrainingInputMode: "File",
      ...original.AlgorithmSpecification,
      TrainingImage: values.image,
      MetricDefinitions: values.metrics.length ? values.metrics.map(({ name, value }) => ({ Name: name, Regex: value })) : undefined,
    },
    RoleArn: values.role,
    HyperParameters: mapOf(values.parameters),
    InputDataConfig: inputData(values.channels, original.InputDataConfig),
    OutputDataConfig: { ...original.OutputDataConfig, S3OutputPath: values.output },
    ResourceConfig: { ...original.ResourceConfig, InstanceType: values.instance, InstanceCount: number(values.count), VolumeSizeInGB: number(values.volume) },
    StoppingCondition: { ...original.StoppingCondition, MaxRuntimeInSeconds: number(values.seconds) },
    ...Object.fromEntries(kept),
  };
}

export function CreateTrainingJob({ from, role }: { from?: string; role: string }) {
  return (
    <CreateForm
      title={from ? `Clone ${from}` : "Create training job"}
      list="training-jobs"
      begin={() => begin(from, role)}
      calls={(values) => [{ service: "sagemaker", operation: "CreateTrainingJob", params: request(values) }]}
      then={({ name }) => ["training-jobs", name]}
    >
      {(of) => (
        <Sections>
          <Section title="Job">
            <Text of={of} name="name" member="TrainingJobName" label="Name" />
            <Suggest
              of={of}
              name="image"
              member="AlgorithmSpecification.TrainingImage"
              label="Image"
              description="What runs: a framework's image, with your script named by its hyperparameters, or a built-in algorithm's."
              options={TRAINING_IMAGES}
            />
            <Suggest of={of} name="role" member="RoleArn" label="Role" description="What the job may do: reading its inputs and writing its output, at least." options={of.values.known} />
            <Text of={of} name="output" member="OutputDataConfig.S3OutputPath" label="Output" description="Where the model goes: s3://bucket/prefix" />
          </Section>
          <Section title="Instances">
            <Suggest of={of} name="instance" member="ResourceConfig.InstanceType" label="Instance type" options={INSTANCES} />
            <Text of={of} name="count" member="ResourceConfig.InstanceCount" label="Instances" />
            <Text of={of} name="volume" member="ResourceConfig.VolumeSizeInGB" label="Volume (GB)" />
            <Text of={of} name="seconds" member="StoppingCondition.MaxRuntimeInSeconds" label="Longest run" description="Seconds, after which the job is stopped." />
          </Section>
          <Section title="Input channels">
            <Rows of={of} name="channels" member="InputDataConfig" columns={CHANNEL_COLUMNS} fresh={FRESH_CHANNEL} add="Add channel" />
          </Section>
          <Section title="Hyperparameters">
            <NamedValues of={of} name="parameters" member="HyperParameters" add="Add hyperparameter" />
          </Section>
          <Section title="Metrics" description="What the log is searched for: the first group of the expression is the value.">
            <Rows
              of={of}
              name="metrics"
              member="AlgorithmSpecification.MetricDefinitions"
              columns={[
                { key: "name", label: "Metric", member: "Name" },
                { key: "value", label: "Regular expression", member: "Regex", width: 4 },
              ]}
              fresh={{ name: "", value: "" }}
              add="Add metric"
            />
          </Section>
        </Sections>
      )}
    </CreateForm>
  );
}
