import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Select, { type SelectProps } from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useMemo, useState } from "react";
import { Chart, type Series } from "../parts/Chart";
import { Failure } from "../parts/Failure";
import { useLoaded } from "../parts/useLoaded";
import { useTurns } from "../parts/useTurns";
import { data, idOf, type Metric } from "./metrics";

const STATISTICS = ["Average", "Sum", "Minimum", "Maximum", "SampleCount", "p50", "p90", "p99"];
const HOUR = 3600;
const PERIODS: [label: string, seconds: number][] = [["1 second", 1], ["10 seconds", 10], ["1 minute", 60], ["5 minutes", 300], ["1 hour", HOUR], ["1 day", 24 * HOUR]];
const SPANS: [label: string, seconds: number][] = [["1 hour", HOUR], ["3 hours", 3 * HOUR], ["12 hours", 12 * HOUR], ["1 day", 24 * HOUR], ["1 week", 7 * 24 * HOUR], ["1 month", 30 * 24 * HOUR]];
const MINUTE_S = 60;

/** A chart for each name of a metric, a curve for each of its dimensions; asked for once a minute, or as datapoints come. */
export function MetricCharts({ metrics }: { metrics: readonly Metric[] }) {
  const [stat, setStat] = useState("Average");
  const [period, setPeriod] = useState(60);
  const [span, setSpan] = useState(3 * HOUR);
  const turn = useTurns(Math.max(10, Math.min(period, MINUTE_S)));
  const loaded = useLoaded(async () => ({ metrics, series: await data(metrics, stat, period, span) }), [metrics.map(idOf).join(), stat, period, span, turn]);
  const charts = useMemo(() => {
    const found = new Map<string, Series[]>();
    loaded.value?.metrics.forEach(({ MetricName }, index) => {
      found.set(MetricName, [...(found.get(MetricName) ?? []), loaded.value!.series[index]!]);
    });
    return [...found];
  }, [loaded.value]);
  const spans = (all: [string, number][]) => all.map(([label, seconds]) => ({ label, value: String(seconds) }));
  const of = (options: SelectProps.Option[], value: string) => options.find((each) => each.value === value) ?? null;
  const [periods, lengths, statistics] = [spans(PERIODS), spans(SPANS), STATISTICS.map((value) => ({ value, label: value }))];
  return (
    <SpaceBetween size="m">
      <div className="fields">
        <FormField label="Statistic">
          <Select selectedOption={of(statistics, stat)} options={statistics} onChange={({ detail }) => setStat(detail.selectedOption.value!)} />
        </FormField>
        <FormField label="Period">
          <Select selectedOption={of(periods, String(period))} options={periods} onChange={({ detail }) => setPeriod(Number(detail.selectedOption.value))} />
        </FormField>
        <FormField label="The last">
          <Select selectedOption={of(lengths, String(span))} options={lengths} onChange={({ detail }) => setSpan(Number(detail.selectedOption.value))} />
        </FormField>
      </div>
      {loaded.error && <Failure error={loaded.error} again={loaded.again} />}
      {!loaded.value && !loaded.error && <Box color="text-status-inactive">Loading</Box>}
      <div className="charts">
        {charts.map(([name, series]) => (
          <Container key={name} header={<Header variant="h3" description={stat}>{name}</Header>}>
            <Chart series={series} label={name} />
          </Container>
        ))}
      </div>
    </SpaceBetween>
  );
}
