// Runs, as SageMaker's trial components are called where they are compared: what they tell of themselves, and their curves.
import { all, call } from "../api/client";
import { COLORS, type Series } from "../parts/Chart";
import { figure, toDate, type Time } from "../parts/format";
import { to } from "../parts/route";

interface Artifact {
  Value: string;
  MediaType?: string;
}
export interface Summed {
  MetricName: string;
  Last?: number;
  Min?: number;
  Max?: number;
  Avg?: number;
  Count?: number;
}
export interface Run {
  TrialComponentName: string;
  TrialComponentArn: string;
  DisplayName?: string;
  Status?: { PrimaryStatus?: string; Message?: string };
  StartTime?: number;
  EndTime?: number;
  CreationTime: number;
  Parameters?: Record<string, { NumberValue?: number; StringValue?: string }>;
  InputArtifacts?: Record<string, Artifact>;
  OutputArtifacts?: Record<string, Artifact>;
  Metrics?: Summed[];
  Parents?: { TrialName: string; ExperimentName: string }[];
  SourceDetail?: {
    SourceArn: string;
    TrainingJob?: { TrainingJobName: string };
    ProcessingJob?: { ProcessingJobName: string };
    TransformJob?: { TransformJobName: string };
  };
}

export const KINDS = ["experiment-trial-component", "trial-component-link"];
/** Seconds between looks at many runs: each job changes some. */
export const REST_S = 5;
/** Runs that a page shows at most. */
export const MOST = 500;

interface Results {
  Results: { TrialComponent?: Run }[];
}

/** The newest runs, of an experiment or of all that there are. */
export async function newest(experiment?: string): Promise<Run[]> {
  const filter = experiment === undefined ? {} : { SearchExpression: { Filters: [{ Name: "Parents.ExperimentName", Operator: "Equals", Value: experiment }] } };
  const params = { Resource: "ExperimentTrialComponent", SortBy: "CreationTime", SortOrder: "Descending", MaxResults: 100, ...filter };
  const found = await all<Results["Results"][0]>("sagemaker", "Search", "Results", params, undefined, MOST);
  return found.flatMap((each) => each.TrialComponent ?? []);
}

/** Runs by their names, in this order. Throws where there is none of a name. */
export async function named(names: string[]): Promise<Run[]> {
  return Promise.all(
    names.map(async (Value) => {
      const SearchExpression = { Filters: [{ Name: "TrialComponentName", Operator: "Equals", Value }] };
      const { Results: found } = await call<Results>("sagemaker", "Search", { Resource: "ExperimentTrialComponent", SearchExpression });
      const run = found[0]?.TrialComponent;
      if (!run) throw new Error(`There is no run ${Value}: nothing was recorded under this name, or its trial component was deleted.`);
      return run;
    }),
  );
}

/** What a run is called; its own name is added where another has the same. */
export function called(run: Run, among: Run[] = []): string {
  const name = run.DisplayName ?? run.TrialComponentName;
  return among.some((each) => each !== run && (each.DisplayName ?? each.TrialComponentName) === name) ? `${name} (${run.TrialComponentName})` : name;
}

export function parameter(run: Run, name: string): number | string | undefined {
  const value = run.Parameters?.[name];
  return value?.NumberValue ?? value?.StringValue;
}

export function metric(run: Run, name: string): Summed | undefined {
  return run.Metrics?.find((each) => each.MetricName === name);
}

/** Those that most runs have come first. */
export function metricNames(runs: Run[]): string[] {
  return commonest(runs.flatMap((run) => (run.Metrics ?? []).map((each) => each.MetricName)), () => 0);
}

/** Those that most runs have come first; what SageMaker says of a job comes after what its user chose. */
export function parameterNames(runs: Run[]): string[] {
  return commonest(runs.flatMap((run) => Object.keys(run.Parameters ?? {})), (name) => Number(/^sagemaker[._]/i.test(name)));
}

function commonest(names: string[], rank: (name: string) => number): string[] {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  const found = [...counts].sort(([a, many], [b, more]) => rank(a) - rank(b) || more - many || a.localeCompare(b));
  return found.map(([name]) => name);
}

/** Whether those runs that have it have not all the same. */
export function differs(runs: Run[], name: string): boolean {
  return new Set(runs.map((run) => parameter(run, name)).filter((each) => each !== undefined)).size > 1;
}

export function shown(value: number | string | undefined): string {
  return typeof value === "string" ? value : figure(value);
}

/** The way to the job that a run is of, and what it is called. */
export function source(run: Run): { href: string; text: string } | undefined {
  const { TrainingJob: training, ProcessingJob: processing, TransformJob: transform } = run.SourceDetail ?? {};
  if (training) return { href: to("training-jobs", training.TrainingJobName), text: training.TrainingJobName };
  if (processing) return { href: to("processing-jobs", processing.ProcessingJobName), text: processing.ProcessingJobName };
  if (transform) return { href: to("transform-jobs", transform.TransformJobName), text: transform.TransformJobName };
  return undefined;
}

export interface Curves {
  metric: string;
  /** Whether x counts steps; else it is seconds since the run's first value. */
  steps: boolean;
  series: Series[];
}

const QUERIES = 100;
const SHOWN = 30;

interface Points {
  MetricQueryResults: { Status: string; XAxisValues: number[]; MetricValues: number[] }[];
}

/**
 * The metrics of all runs over their steps, a curve for each run. What was logged without a step is over time: the values
 * that a training job printed are in CloudWatch by the second.
 */
export async function curves(runs: Run[]): Promise<Curves[]> {
  const wanted = metricNames(runs).slice(0, SHOWN).flatMap((name) => runs.filter((run) => metric(run, name)).map((run) => ({ run, name })));
  const found = new Map<string, Curves>();
  const add = (name: string, steps: boolean, each: Series) => {
    const key = `${name} ${steps}`;
    const those = found.get(key) ?? { metric: name, steps, series: [] };
    found.set(key, those);
    those.series.push(each);
  };
  const rest: typeof wanted = [];
  for (let at = 0; at < wanted.length; at += QUERIES) {
    const some = wanted.slice(at, at + QUERIES);
    const queries = some.map(({ run, name }) => ({ MetricName: name, ResourceArn: run.TrialComponentArn, MetricStat: "Last", Period: "IterationNumber", XAxisType: "IterationNumber" }));
    const { MetricQueryResults: results } = await call<Points>("sagemaker-metrics", "BatchGetMetrics", { MetricQueries: queries });
    some.forEach((each, index) => {
      const got = results[index];
      if (got?.Status === "Complete" && got.XAxisValues.length) add(each.name, true, { ...drawn(each.run, runs), x: got.XAxisValues, y: got.MetricValues });
      else rest.push(each);
    });
  }
  for (const run of new Set(rest.map((each) => each.run))) {
    const names = rest.filter((each) => each.run === run).map((each) => each.name);
    for (const [name, each] of await printed(run, names)) add(name, false, { ...each, ...drawn(run, runs) });
  }
  return [...found.values()].sort((a, b) => a.metric.localeCompare(b.metric));
}

/** How a run's curves look: alike in all charts. */
function drawn(run: Run, among: Run[]): { name: string; color: string } {
  return { name: called(run, among), color: COLORS[among.indexOf(run) % COLORS.length]! };
}

/** What a training job printed, by the second. */
async function printed(run: Run, names: string[]): Promise<[string, Series][]> {
  const job = run.SourceDetail?.TrainingJob?.TrainingJobName;
  if (job === undefined) return [];
  const MetricDataQueries = names.map((MetricName, index) => ({
    Id: `m${index}`,
    MetricStat: { Metric: { Namespace: "/aws/sagemaker/TrainingJobs", MetricName, Dimensions: [{ Name: "TrainingJobName", Value: job }] }, Period: 1, Stat: "Average" },
  }));
  const { MetricDataResults: results } = await call<{ MetricDataResults: { Timestamps: Time[]; Values: number[] }[] }>("cloudwatch", "GetMetricData", {
    MetricDataQueries,
    StartTime: Math.floor(run.CreationTime),
    EndTime: Math.ceil(run.EndTime ?? Date.now() / 1000) + 60,
    ScanBy: "TimestampAscending",
  });
  return results.map((each, index) => {
    const times = each.Timestamps.map((time) => toDate(time)!.getTime() / 1000);
    return [names[index]!, { name: "", x: times.map((time) => time - times[0]!), y: each.Values }];
  });
}
