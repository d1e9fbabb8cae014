import type { Params } from "../api/client";
import { Choice, Suggest, Text } from "./fields";
import { CreateForm, fresh, given, Needed, number, Section, Sections } from "./form";
import { folder, INSTANCES, models } from "./known";

interface Values {
  models: string[];
  name: string;
  model: string;
  input: string;
  type: string;
  split: string;
  output: string;
  accept: string;
  instance: string;
  count: string;
}

async function begin(model: string | undefined): Promise<Values> {
  const [found, output] = await Promise.all([models(), folder("transformed")]);
  const one = { models: found, name: fresh("transform"), model: model ?? found[0] ?? "", input: output.replace("transformed/", "") };
  return { ...one, type: "text/csv", split: "Line", output, accept: "text/csv", instance: "ml.m5.large", count: "1" };
}

function request(values: Values): Params {
  const lines = values.split === "Line";
  return {
    TransformJobName: values.name,
    ModelName: values.model,
    BatchStrategy: values.split === "None" ? "SingleRecord" : "MultiRecord",
    TransformInput: {
      DataSource: { S3DataSource: { S3DataType: "S3Prefix", S3Uri: values.input } },
      ContentType: given(values.type),
      SplitType: values.split,
    },
    TransformOutput: { S3OutputPath: values.output, Accept: given(values.accept), AssembleWith: lines ? "Line" : "None" },
    TransformResources: { InstanceType: values.instance, InstanceCount: number(values.count) },
  };
}

export function CreateTransformJob({ model }: { model?: string }) {
  return (
    <CreateForm
      title="Create transform job"
      list="transform-jobs"
      begin={() => begin(model)}
      calls={(values) => [{ service: "sagemaker", operation: "CreateTransformJob", params: request(values) }]}
      then={({ name }) => ["transform-jobs", name]}
    >
      {(of) => (
        <Sections>
          {!of.values.models.length && <Needed>A transform job asks a model, and there are none yet: create a model first.</Needed>}
          <Section title="Job">
            <Text of={of} name="name" member="TransformJobName" label="Name" />
            <Suggest of={of} name="model" member="ModelName" label="Model" options={of.values.models} />
          </Section>
          <Section title="Input" description="Each object below the address is one file for the model.">
            <Text of={of} name="input" member="TransformInput.DataSource.S3DataSource.S3Uri" label="Address" description="s3://bucket/prefix" />
            <Suggest of={of} name="type" member="TransformInput.ContentType" label="Content type" options={["text/csv", "application/json", "application/jsonlines", "application/x-image"]} />
            <Choice
              of={of}
              name="split"
              member="TransformInput.SplitType"
              label="Records"
              options={[
                { value: "Line", label: "Each line is one" },
                { value: "None", label: "A whole object is one" },
                { value: "RecordIO", label: "RecordIO" },
              ]}
            />
          </Section>
          <Section title="Output">
            <Text of={of} name="output" member="TransformOutput.S3OutputPath" label="Output" description="s3://bucket/prefix" />
            <Suggest of={of} name="accept" member="TransformOutput.Accept" label="Accept" options={["text/csv", "application/json", "application/jsonlines"]} />
          </Section>
          <Section title="Instances">
            <Suggest of={of} name="instance" member="TransformResources.InstanceType" label="Instance type" options={INSTANCES} />
            <Text of={of} name="count" member="TransformResources.InstanceCount" label="Instances" />
          </Section>
        </Sections>
      )}
    </CreateForm>
  );
}
