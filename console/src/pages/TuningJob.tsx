import ContentLayout from "@cloudscape-design/components/content-layout";
import Header from "@cloudscape-design/components/header";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";
import { all, call } from "../api/client";
import { Failure } from "../parts/Failure";
import { to } from "../parts/route";
import { Status } from "../parts/Status";
import { useLoaded } from "../parts/useLoaded";
import { TuningCharts } from "./TuningCharts";

export interface Trial {
  TrainingJobName: string;
  TrainingJobStatus: string;
  CreationTime: number;
  TunedHyperParameters: Record<string, string>;
  FinalHyperParameterTuningJobObjectiveMetric?: { MetricName: string; Value: number };
}
interface Numeric {
  Name: string;
  ScalingType?: string;
}
export interface TuningConfig {
  Strategy: string;
  HyperParameterTuningJobObjective?: { Type: string; MetricName: string };
  ParameterRanges?: { CategoricalParameterRanges?: { Name: string; Values: string[] }[]; ContinuousParameterRanges?: Numeric[]; IntegerParameterRanges?: Numeric[] };
}
interface Job {
  HyperParameterTuningJobStatus: string;
  HyperParameterTuningJobConfig: TuningConfig;
}

/** The leaderboard: the best first. */
export function TuningJob({ name }: { name: string }) {
  const loaded = useLoaded(
    async () => {
      const job: Job = await call("sagemaker", "DescribeHyperParameterTuningJob", { HyperParameterTuningJobName: name });
      const trials = await all<Trial>("sagemaker", "ListTrainingJobsForHyperParameterTuningJob", "TrainingJobSummaries", {
        HyperParameterTuningJobName: name,
        MaxResults: 100,
      });
      const sign = job.HyperParameterTuningJobConfig.HyperParameterTuningJobObjective?.Type === "Maximize" ? -1 : 1;
      const value = (trial: Trial) => trial.FinalHyperParameterTuningJobObjectiveMetric?.Value;
      trials.sort((a, b) => sign * ((value(a) ?? sign * Infinity) - (value(b) ?? sign * Infinity)) || 0);
      return { job, trials, tuned: [...new Set(trials.flatMap((trial) => Object.keys(trial.TunedHyperParameters)))].sort() };
    },
    [name],
    ["hyper-parameter-tuning-job", "training-job"],
  );
  if (loaded.error && !loaded.value) return <Failure error={loaded.error} again={loaded.again} />;
  if (!loaded.value) return null;
  const { job, trials, tuned } = loaded.value;
  const objective = job.HyperParameterTuningJobConfig.HyperParameterTuningJobObjective;
  return (
    <ContentLayout header={<Header variant="h1">{name}</Header>}>
      <SpaceBetween size="l">
        <Status value={job.HyperParameterTuningJobStatus} />
        <TuningCharts trials={trials} tuned={tuned} config={job.HyperParameterTuningJobConfig} />
        <Table
          header={<Header counter={`(${trials.length})`} description={objective && `${objective.Type} ${objective.MetricName}`}>Leaderboard</Header>}
          items={trials}
          trackBy="TrainingJobName"
          empty="No training job was started yet."
          columnDefinitions={[
            { id: "name", header: "Training job", cell: (trial) => <Link href={to("training-jobs", trial.TrainingJobName)}>{trial.TrainingJobName}</Link>, isRowHeader: true },
            { id: "status", header: "Status", cell: (trial) => <Status value={trial.TrainingJobStatus} /> },
            { id: "value", header: objective?.MetricName ?? "Objective", cell: (trial) => trial.FinalHyperParameterTuningJobObjectiveMetric?.Value ?? "–" },
            ...tuned.map((each) => ({ id: `tuned-${each}`, header: each, cell: (trial: Trial) => trial.TunedHyperParameters[each] ?? "–" })),
          ]}
        />
      </SpaceBetween>
    </ContentLayout>
  );
}
