import Button from "@cloudscape-design/components/button";
import AttributeEditor from "@cloudscape-design/components/attribute-editor";
import Container from "@cloudscape-design/components/container";
import ContentLayout from "@cloudscape-design/components/content-layout";
import Form from "@cloudscape-design/components/form";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useEffect, useState, type FormEvent } from "react";
import { call, type Params } from "../api/client";
import { Code } from "../parts/Code";
import { go, to } from "../parts/route";
import type { Job } from "./TrainingJob";

interface Pair {
  name: string;
  value: string;
}
interface Fields {
  name: string;
  image: string;
  role: string;
  instance: string;
  count: string;
  output: string;
  seconds: string;
  channels: Pair[];
  parameters: Pair[];
}

const EMPTY: Fields = {
  name: "",
  image: "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3",
  role: "",
  instance: "ml.m5.large",
  count: "1",
  output: "",
  seconds: "3600",
  channels: [],
  parameters: [],
};
/** What a clone takes over as it is, beyond what the form shows. */
const KEPT = ["VpcConfig", "Environment", "CheckpointConfig", "EnableManagedSpotTraining", "RetryStrategy", "EnableNetworkIsolation"];

function request(fields: Fields, original: Params): Params {
  const algorithm = { TrainingInputMode: "File", ...(original["AlgorithmSpecification"] as Params | undefined), TrainingImage: fields.image };
  const channel = ({ name, value }: Pair) => ({
    ChannelName: name,
    DataSource: { S3DataSource: { S3DataType: "S3Prefix", S3Uri: value, S3DataDistributionType: "FullyReplicated" } },
  });
  return {
    TrainingJobName: fields.name,
    AlgorithmSpecification: algorithm,
    RoleArn: fields.role,
    HyperParameters: fields.parameters.length ? Object.fromEntries(fields.parameters.map(({ name, value }) => [name, value])) : undefined,
    InputDataConfig: fields.channels.length ? fields.channels.map(channel) : undefined,
    OutputDataConfig: { S3OutputPath: fields.output },
    ResourceConfig: { VolumeSizeInGB: 30, ...(original["ResourceConfig"] as Params | undefined), InstanceType: fields.instance, InstanceCount: Number(fields.count) },
    StoppingCondition: { ...(original["StoppingCondition"] as Params | undefined), MaxRuntimeInSeconds: Number(fields.seconds) },
    ...Object.fromEntries(KEPT.filter((each) => each in original).map((each) => [each, original[each]])),
  };
}

function cloned(job: Job & Params): Fields {
  const pairs = (given: Record<string, string> = {}) => Object.entries(given).map(([name, value]) => ({ name, value }));
  return {
    name: `${job.TrainingJobName.slice(0, 55)}-copy`,
    image: job.AlgorithmSpecification.TrainingImage ?? "",
    role: job.RoleArn,
    instance: job.ResourceConfig.InstanceType ?? "",
    count: String(job.ResourceConfig.InstanceCount ?? 1),
    output: (job["OutputDataConfig"] as { S3OutputPath: string }).S3OutputPath,
    seconds: String((job["StoppingCondition"] as { MaxRuntimeInSeconds: number }).MaxRuntimeInSeconds),
    channels: (job.InputDataConfig ?? []).map((each) => ({ name: each.ChannelName, value: each.DataSource.S3DataSource?.S3Uri ?? "" })),
    parameters: pairs(job.HyperParameters),
  };
}

/** Sensible defaults, or what another job was made of. */
async function begin(from: string | undefined, role: string): Promise<[Fields, Params]> {
  if (from !== undefined) {
    const job = await call<Job & Params>("sagemaker", "DescribeTrainingJob", { TrainingJobName: from });
    return [cloned(job), job];
  }
  const stamp = new Date().toISOString().replace(/\D/g, "").slice(0, 14);
  const buckets = await call<{ Buckets?: { Name: string }[] }>("s3", "ListBuckets").catch(() => ({ Buckets: [] }));
  const output = buckets.Buckets?.[0] ? `s3://${buckets.Buckets[0].Name}/output/` : "";
  return [{ ...EMPTY, name: `training-${stamp}`, role, output }, {}];
}

export function CreateTrainingJob({ from, role }: { from?: string; role: string }) {
  const [fields, setFields] = useState(EMPTY);
  const [original, setOriginal] = useState<Params>({});
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    begin(from, role).then(
      ([begun, kept]) => {
        setFields(begun);
        setOriginal(kept);
      },
      (failed: Error) => setError(failed.message),
    );
  }, [from, role]);
  const params = request(fields, original);
  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    setBusy(true);
    try {
      await call("sagemaker", "CreateTrainingJob", params);
      go("training-jobs", fields.name);
    } catch (failed) {
      setError((failed as Error).message);
      setBusy(false);
    }
  }
  const text = (label: string, member: "name" | "image" | "role" | "instance" | "count" | "output" | "seconds", description?: string) => (
    <FormField label={label} description={description} stretch>
      <Input value={fields[member]} onChange={({ detail }) => setFields({ ...fields, [member]: detail.value })} />
    </FormField>
  );
  const pairs = (member: "channels" | "parameters", name: string, value: string, add: string) => (
    <AttributeEditor
      items={fields[member]}
      onAddButtonClick={() => setFields({ ...fields, [member]: [...fields[member], { name: "", value: "" }] })}
      onRemoveButtonClick={({ detail }) => setFields({ ...fields, [member]: fields[member].filter((_, index) => index !== detail.itemIndex) })}
      addButtonText={add}
      removeButtonText="Remove"
      empty="None."
      definition={(["name", "value"] as const).map((part) => ({
        label: part === "name" ? name : value,
        control: (item: Pair, index: number) => (
          <Input
            value={item[part]}
            ariaLabel={`${part === "name" ? name : value} ${index + 1}`}
            onChange={({ detail }) =>
              setFields({ ...fields, [member]: fields[member].map((each, at) => (at === index ? { ...each, [part]: detail.value } : each)) })
            }
          />
        ),
      }))}
    />
  );
  return (
    <ContentLayout header={<Header variant="h1">{from ? `Clone ${from}` : "Create training job"}</Header>}>
      <form onSubmit={(event) => void submit(event)}>
        <Form
          errorText={error}
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <Button formAction="none" variant="link" href={to("training-jobs")}>
                Cancel
              </Button>
              <Button variant="primary" loading={busy}>
                Create
              </Button>
            </SpaceBetween>
          }
        >
          <SpaceBetween size="l">
            <Container header={<Header variant="h2">Job</Header>}>
              <SpaceBetween size="m">
                {text("Name", "name")}
                {text("Image", "image", "What runs: a framework's image, with your script named by its hyperparameters, or a built-in algorithm's.")}
                {text("Role", "role", "What the job may do: reading its inputs and writing its output, at least.")}
                {text("Output", "output", "Where the model goes: s3://bucket/prefix")}
              </SpaceBetween>
            </Container>
            <Container header={<Header variant="h2">Instances</Header>}>
              <SpaceBetween size="m">
                {text("Instance type", "instance")}
                {text("Instances", "count")}
                {text("Longest run", "seconds", "Seconds, after which the job is stopped.")}
              </SpaceBetween>
            </Container>
            <Container header={<Header variant="h2">Input channels</Header>}>{pairs("channels", "Channel", "S3 address", "Add channel")}</Container>
            <Container header={<Header variant="h2">Hyperparameters</Header>}>{pairs("parameters", "Name", "Value", "Add hyperparameter")}</Container>
            <Code service="sagemaker" operation="CreateTrainingJob" params={params} />
          </SpaceBetween>
        </Form>
      </form>
    </ContentLayout>
  );
}
