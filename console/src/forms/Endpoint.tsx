import type { Params } from "../api/client";
import { Choice, Rows, Switch, Text } from "./fields";
import { type Call, CreateForm, fresh, Needed, number, Section, Sections, Together } from "./form";
import { folder, INSTANCES, models } from "./known";

interface Variant extends Record<string, string> {
  name: string;
  model: string;
  on: string;
  count: string;
  weight: string;
}

interface Values {
  models: string[];
  name: string;
  variants: Variant[];
  memory: string;
  captures: boolean;
  share: string;
  capture: string;
}

const SERVERLESS = "serverless";
const COLUMNS = (models: string[]) => [
  { key: "name", label: "Variant", member: "VariantName", width: 3 },
  { key: "model", label: "Model", member: "ModelName", options: models, free: true, width: 4 },
  { key: "on", label: "Runs on", member: "InstanceType", options: [SERVERLESS, ...INSTANCES], free: true, width: 4 },
  { key: "count", label: "Instances", member: "InitialInstanceCount" },
  { key: "weight", label: "Weight", member: "InitialVariantWeight" },
];

function variant(each: Variant, memory: string): Params {
  const one = { VariantName: each.name, ModelName: each.model, InitialVariantWeight: number(each.weight) };
  if (each.on !== SERVERLESS) return { ...one, InstanceType: each.on, InitialInstanceCount: number(each.count) };
  return { ...one, ServerlessConfig: { MemorySizeInMB: number(memory), MaxConcurrency: number(each.count) } };
}

function calls(values: Values): Call[] {
  const capture = {
    EnableCapture: true,
    InitialSamplingPercentage: number(values.share),
    DestinationS3Uri: values.capture,
    CaptureOptions: [{ CaptureMode: "Input" }, { CaptureMode: "Output" }],
  };
  const config = {
    EndpointConfigName: values.name,
    ProductionVariants: values.variants.map((each) => variant(each, values.memory)),
    DataCaptureConfig: values.captures ? capture : undefined,
  };
  return [
    { service: "sagemaker", operation: "CreateEndpointConfig", params: config },
    { service: "sagemaker", operation: "CreateEndpoint", params: { EndpointName: values.name, EndpointConfigName: values.name } },
  ];
}

async function begin(model: string | undefined): Promise<Values> {
  const [found, capture] = await Promise.all([models(), folder("capture")]);
  const first = { name: "main", model: model ?? found[0] ?? "", on: "ml.m5.large", count: "1", weight: "1" };
  return { models: found, name: fresh("endpoint"), variants: [first], memory: "2048", captures: false, share: "100", capture };
}

export function CreateEndpoint({ model }: { model?: string }) {
  return (
    <CreateForm title="Create endpoint" list="endpoints" begin={() => begin(model)} calls={calls} then={({ name }) => ["endpoints", name]}>
      {(of) => (
        <Sections>
          {!of.values.models.length && <Needed>An endpoint serves models, and there are none yet: create a model first.</Needed>}
          <Section title="Endpoint">
            <Text of={of} name="name" member="EndpointConfigName" label="Name" description="Of the endpoint and of its configuration." />
          </Section>
          <Section title="Variants" description="Requests are shared out among them by their weights. What runs serverless starts when it is asked; its count is how many requests at once.">
            <Rows
              of={of}
              name="variants"
              member="ProductionVariants"
              columns={COLUMNS(of.values.models)}
              fresh={{ ...of.values.variants.at(-1)!, name: `variant-${of.values.variants.length + 1}` }}
              add="Add variant"
            />
            {of.values.variants.some((each) => each.on === SERVERLESS) && (
              <Choice
                of={of}
                name="memory"
                member="ProductionVariants.1.ServerlessConfig.MemorySizeInMB"
                label="Memory of what runs serverless"
                options={[1, 2, 3, 4, 5, 6].map((each) => ({ value: String(each * 1024), label: `${each} GB` }))}
              />
            )}
          </Section>
          <Section title="Data capture">
            <Switch of={of} name="captures" label="Keep requests and answers" description="As JSON lines in S3, for looking at them and for monitoring." />
            {of.values.captures && (
              <Together>
                <Text of={of} name="share" member="DataCaptureConfig.InitialSamplingPercentage" label="Share (%)" />
                <Text of={of} name="capture" member="DataCaptureConfig.DestinationS3Uri" label="Where" description="s3://bucket/prefix" />
              </Together>
            )}
          </Section>
        </Sections>
      )}
    </CreateForm>
  );
}
