import ColumnLayout from "@cloudscape-design/components/column-layout";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import { useMemo } from "react";
import { Chart, type Series } from "../parts/Chart";
import { ParallelCoordinates, type Axis, type Line } from "../parts/ParallelCoordinates";
import type { Trial, TuningConfig } from "./TuningJob";

/** How the search went: the objective of each training job with the best so far, and what of hyperparameters made it. */
export function TuningCharts({ trials, tuned, config }: { trials: Trial[]; tuned: string[]; config: TuningConfig }) {
  const objective = config.HyperParameterTuningJobObjective;
  const maximize = objective?.Type === "Maximize";
  const metric = objective?.MetricName ?? "Objective";
  const series = useMemo(() => progress(trials, maximize, metric), [trials, maximize, metric]);
  const { axes, lines } = useMemo(() => coordinates(trials, tuned, config, maximize, metric), [trials, tuned, config, maximize, metric]);
  if (!series.length) return null;
  return (
    <ColumnLayout columns={tuned.length ? 2 : 1}>
      <Container header={<Header variant="h2" description="In the order in which training jobs began">Best so far</Header>} fitHeight>
        <Chart series={series} time={false} across="Training job" label={`${metric} of each training job, and the best so far`} />
      </Container>
      {tuned.length > 0 && (
        <Container header={<Header variant="h2" description="A line for each training job: the better, the stronger">Hyperparameters</Header>} fitHeight>
          <ParallelCoordinates axes={axes} lines={lines} page="training-jobs" label={`Hyperparameters of ${lines.length} training jobs, and ${metric}. The leaderboard has the values.`} />
        </Container>
      )}
    </ColumnLayout>
  );
}

function valueOf(trial: Trial): number | undefined {
  return trial.FinalHyperParameterTuningJobObjectiveMetric?.Value;
}

function progress(trials: Trial[], maximize: boolean, metric: string): Series[] {
  const begun = [...trials].sort((a, b) => a.CreationTime - b.CreationTime);
  const all: Series = { name: metric, x: [], y: [], points: true };
  const best: Series = { name: "best so far", x: [], y: [] };
  begun.forEach((trial, index) => {
    const value = valueOf(trial);
    if (value === undefined) return;
    const before = best.y.at(-1);
    all.x.push(index + 1);
    all.y.push(value);
    best.x.push(index + 1);
    best.y.push(before === undefined ? value : maximize ? Math.max(before, value) : Math.min(before, value));
  });
  return all.x.length ? [all, best] : [];
}

function coordinates(trials: Trial[], tuned: string[], config: TuningConfig, maximize: boolean, metric: string): { axes: Axis[]; lines: Line[] } {
  const { CategoricalParameterRanges = [], ContinuousParameterRanges = [], IntegerParameterRanges = [] } = config.ParameterRanges ?? {};
  const numeric = new Map([...ContinuousParameterRanges, ...IntegerParameterRanges].map((each) => [each.Name, each.ScalingType ?? "Auto"]));
  const words = new Map(CategoricalParameterRanges.map((each) => [each.Name, each.Values]));
  const axes: Axis[] = tuned.map((name) => {
    const used = () => [...new Set(trials.map((each) => each.TunedHyperParameters[name] ?? ""))].sort();
    return numeric.has(name) ? { name, log: numeric.get(name) === "Logarithmic" } : { name, words: words.get(name) ?? used() };
  });
  const values = trials.map(valueOf).filter((each) => each !== undefined);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const merit = (value: number | undefined) => (value === undefined ? undefined : high === low ? 1 : maximize ? (value - low) / (high - low) : (high - value) / (high - low));
  const lines = trials.map((trial): Line => {
    const own = axes.map(({ name, words: some }) => {
      const text = trial.TunedHyperParameters[name];
      // Values of categorical ones may be written as JSON.
      return text === undefined ? undefined : some ? text.replace(/^"(.*)"$/, "$1") : Number(text);
    });
    return { name: trial.TrainingJobName, values: [...own, valueOf(trial)], merit: merit(valueOf(trial)) };
  });
  return { axes: [...axes, { name: metric }], lines };
}
