import type { Params } from "../api/client";
import { NamedValues, Suggest, Text, mapOf, pairsOf, type Pair } from "./fields";
import { CreateForm, fresh, given, Section, Sections } from "./form";
import { completedJobs, INFERENCE_IMAGES, roles, SKLEARN } from "./known";
import { described, type DescribedJob } from "./TrainingJob";

interface Values {
  known: string[];
  jobs: string[];
  job: string;
  name: string;
  image: string;
  data: string;
  role: string;
  environment: Pair[];
}

/** What serves a job's model: its artifact, and its own script, which the hyperparameters of script mode name. */
function trainedBy(job: DescribedJob): Partial<Values> {
  const script = (name: string) => JSON.parse(job.HyperParameters?.[name] ?? '""') as string;
  const environment: Record<string, string> = {};
  if (script("sagemaker_program")) environment["SAGEMAKER_PROGRAM"] = script("sagemaker_program");
  if (script("sagemaker_submit_directory")) environment["SAGEMAKER_SUBMIT_DIRECTORY"] = script("sagemaker_submit_directory");
  return {
    job: job.TrainingJobName,
    image: (job.AlgorithmSpecification.TrainingImage ?? "").replace("-training:", "-inference:"),
    data: job.ModelArtifacts?.S3ModelArtifacts ?? "",
    environment: pairsOf(environment),
  };
}

async function begin(from: string | undefined, role: string): Promise<Values> {
  const [known, jobs] = await Promise.all([roles(), completedJobs()]);
  const values = { known, jobs, job: "", name: fresh("model"), image: SKLEARN, data: "", role, environment: [] };
  return from === undefined ? values : { ...values, ...trainedBy(await described(from)) };
}

function request(values: Values): Params {
  return {
    ModelName: values.name,
    PrimaryContainer: { Image: values.image, ModelDataUrl: given(values.data), Environment: mapOf(values.environment) },
    ExecutionRoleArn: values.role,
  };
}

export function CreateModel({ from, role }: { from?: string; role: string }) {
  return (
    <CreateForm
      title="Create model"
      list="models"
      begin={() => begin(from, role)}
      calls={(values) => [{ service: "sagemaker", operation: "CreateModel", params: request(values) }]}
      then={({ name }) => ["models", name]}
    >
      {(of) => (
        <Sections>
          <Section title="Model">
            <Text of={of} name="name" member="ModelName" label="Name" />
            <Suggest
              of={of}
              name="job"
              member=""
              label="Training job"
              description="Choose one, and the rest is filled in by what it left."
              options={of.values.jobs}
              onChosen={(chosen) => void described(chosen).then((job) => of.set(trainedBy(job)))}
            />
            <Suggest of={of} name="role" member="ExecutionRoleArn" label="Role" description="What the model's server may do: reading its artifact, at least." options={of.values.known} />
          </Section>
          <Section title="Container">
            <Suggest of={of} name="image" member="PrimaryContainer.Image" label="Image" description="What serves the model." options={INFERENCE_IMAGES} />
            <Text of={of} name="data" member="PrimaryContainer.ModelDataUrl" label="Model artifact" description="s3://bucket/…/model.tar.gz" />
          </Section>
          <Section title="Environment" description="A framework's image finds your script by SAGEMAKER_PROGRAM and SAGEMAKER_SUBMIT_DIRECTORY.">
            <NamedValues of={of} name="environment" member="PrimaryContainer.Environment" add="Add variable" />
          </Section>
        </Sections>
      )}
    </CreateForm>
  );
}
