import Box from "@cloudscape-design/components/box";
import type { Params } from "../api/client";
import { Choice, NamedValues, Rows, Suggest, Text, mapOf, pairsOf, type Pair } from "./fields";
import { CreateForm, fresh, given, Needed, number, Section, Sections } from "./form";
import { completedJobs } from "./known";
import { described, type DescribedJob } from "./TrainingJob";

interface Range extends Record<string, string> {
  name: string;
  type: string;
  from: string;
  to: string;
  scale: string;
}

interface Values {
  jobs: string[];
  /** The job that is done again and again, with other hyperparameters. */
  job: DescribedJob | undefined;
  base: string;
  name: string;
  metric: string;
  goal: string;
  strategy: string;
  most: string;
  parallel: string;
  early: string;
  ranges: Range[];
  fixed: Pair[];
}

const FRESH: Range = { name: "", type: "Continuous", from: "0", to: "1", scale: "Auto" };

/** What depends on the job that is searched around. */
function around(job: DescribedJob): Partial<Values> {
  const parameters = job.HyperParameters ?? {};
  const numeric = Object.entries(parameters).filter(([name, value]) => !name.startsWith("sagemaker_") && given(value) && !Number.isNaN(Number(value)));
  const ranges = numeric.slice(0, 3).map(([name, value]): Range => {
    const [at, whole] = [Number(value), /^-?\d+$/.test(value)];
    const [low, high] = whole ? [Math.max(1, Math.floor(at / 4)), Math.max(2, at * 4)] : [at / 10, at * 10];
    return { name, type: whole ? "Integer" : "Continuous", from: String(Math.min(low, high)), to: String(Math.max(low, high)), scale: "Auto" };
  });
  const searched = new Set(ranges.map((each) => each.name));
  const metric = job.AlgorithmSpecification.MetricDefinitions?.[0]?.Name ?? "";
  return {
    job,
    base: job.TrainingJobName,
    metric,
    goal: /loss|error|rmse|mse|mae/i.test(metric) ? "Minimize" : "Maximize",
    ranges,
    fixed: pairsOf(parameters).filter((each) => !searched.has(each.name)),
  };
}

async function begin(from: string | undefined): Promise<Values> {
  const jobs = await completedJobs();
  const base = from ?? jobs[0];
  const empty = { jobs, job: undefined, base: base ?? "", name: fresh("tuning").slice(0, 32), metric: "", goal: "Minimize", strategy: "Bayesian" };
  const values = { ...empty, most: "10", parallel: "2", early: "Off", ranges: [], fixed: [] };
  return base === undefined ? values : { ...values, ...around(await described(base)) };
}

function rangesOf(ranges: Range[]): Params {
  const numeric = (type: string) =>
    ranges.filter((each) => each.type === type).map((each) => ({ Name: each.name, MinValue: each.from, MaxValue: each.to, ScalingType: each.scale }));
  const choices = ranges.filter((each) => each.type === "Categorical").map((each) => ({ Name: each.name, Values: each.from.split(",").map((one) => one.trim()) }));
  return { IntegerParameterRanges: numeric("Integer"), ContinuousParameterRanges: numeric("Continuous"), CategoricalParameterRanges: choices };
}

function request(values: Values): Params {
  const job = values.job;
  const { TrainingImage, TrainingInputMode, AlgorithmName, MetricDefinitions } = job?.AlgorithmSpecification ?? {};
  return {
    HyperParameterTuningJobName: values.name,
    HyperParameterTuningJobConfig: {
      Strategy: values.strategy,
      HyperParameterTuningJobObjective: { Type: values.goal, MetricName: values.metric },
      ResourceLimits: { MaxNumberOfTrainingJobs: number(values.most), MaxParallelTrainingJobs: number(values.parallel) },
      ParameterRanges: rangesOf(values.ranges),
      TrainingJobEarlyStoppingType: values.early,
    },
    TrainingJobDefinition: job && {
      StaticHyperParameters: mapOf(values.fixed),
      AlgorithmSpecification: { TrainingImage, AlgorithmName, TrainingInputMode: TrainingInputMode ?? "File", MetricDefinitions },
      RoleArn: job.RoleArn,
      InputDataConfig: job.InputDataConfig,
      OutputDataConfig: job.OutputDataConfig,
      ResourceConfig: job.ResourceConfig,
      StoppingCondition: job.StoppingCondition,
      Environment: job["Environment"],
      VpcConfig: job["VpcConfig"],
    },
  };
}

export function CreateTuningJob({ from }: { from?: string }) {
  return (
    <CreateForm
      title="Create tuning job"
      list="tuning-jobs"
      begin={() => begin(from)}
      calls={(values) => [{ service: "sagemaker", operation: "CreateHyperParameterTuningJob", params: request(values) }]}
      then={({ name }) => ["tuning-jobs", name]}
    >
      {(of) => (
        <Sections>
          {!of.values.jobs.length && <Needed>A tuning job repeats a training job that works, with other hyperparameters. Train one first.</Needed>}
          <Section title="What is searched">
            <Text of={of} name="name" member="HyperParameterTuningJobName" label="Name" description="At most 32 characters." />
            <Suggest
              of={of}
              name="base"
              member="TrainingJobDefinition"
              label="Training job"
              description="Its image, data, role and instances are those of all that are started."
              options={of.values.jobs}
              onChosen={(chosen) => void described(chosen).then((job) => of.set(around(job)))}
            />
            <Suggest
              of={of}
              name="metric"
              member="HyperParameterTuningJobConfig.HyperParameterTuningJobObjective.MetricName"
              label="Objective metric"
              description="One of those that the training job defines, or that its algorithm has."
              options={(of.values.job?.AlgorithmSpecification.MetricDefinitions ?? []).map((each) => each.Name)}
            />
            <Choice of={of} name="goal" member="HyperParameterTuningJobConfig.HyperParameterTuningJobObjective.Type" label="Goal" options={[{ value: "Minimize" }, { value: "Maximize" }]} />
          </Section>
          <Section title="Hyperparameters to search" description="Of a categorical one, write its values into the first field, with commas between.">
            <Rows
              of={of}
              name="ranges"
              member="HyperParameterTuningJobConfig.ParameterRanges"
              fresh={FRESH}
              add="Add hyperparameter to search"
              columns={[
                { key: "name", label: "Name", member: "Name" },
                { key: "type", label: "Type", member: "Type", options: ["Integer", "Continuous", "Categorical"] },
                { key: "from", label: "From", member: "MinValue" },
                { key: "to", label: "To", member: "MaxValue" },
                { key: "scale", label: "Scale", member: "ScalingType", options: ["Auto", "Linear", "Logarithmic", "ReverseLogarithmic"] },
              ]}
            />
          </Section>
          <Section title="How">
            <Choice
              of={of}
              name="strategy"
              member="HyperParameterTuningJobConfig.Strategy"
              label="Strategy"
              options={[
                { value: "Bayesian", label: "Bayesian: learn from what was tried" },
                { value: "Random", label: "Random" },
                { value: "Grid", label: "Grid: all values of categorical ones" },
                { value: "Hyperband", label: "Hyperband: end early what does badly" },
              ]}
            />
            <Text of={of} name="most" member="HyperParameterTuningJobConfig.ResourceLimits.MaxNumberOfTrainingJobs" label="Training jobs in all" />
            <Text of={of} name="parallel" member="HyperParameterTuningJobConfig.ResourceLimits.MaxParallelTrainingJobs" label="At once" />
            <Choice of={of} name="early" member="HyperParameterTuningJobConfig.TrainingJobEarlyStoppingType" label="Early stopping" options={[{ value: "Off" }, { value: "Auto" }]} />
          </Section>
          <Section title="Fixed hyperparameters">
            {of.values.job && <Box color="text-body-secondary">Those of {of.values.job.TrainingJobName}, but for what is searched.</Box>}
            <NamedValues of={of} name="fixed" member="TrainingJobDefinition.StaticHyperParameters" add="Add hyperparameter" />
          </Section>
        </Sections>
      )}
    </CreateForm>
  );
}
