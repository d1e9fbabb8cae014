import FormField from "@cloudscape-design/components/form-field";
import Box from "@cloudscape-design/components/box";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useMemo, useState } from "react";
import { to } from "../parts/route";
import { Scatter } from "../parts/Scatter";
import { called, differs, metric, metricNames, parameter, parameterNames, type Run } from "./runs";

/** A dot for each run: a parameter across, the last value of a metric up. */
export function RunScatter({ runs }: { runs: Run[] }) {
  const names = useMemo(() => {
    const all = parameterNames(runs);
    // What is worth a look comes first: numbers that vary, then texts that do.
    const rank = (name: string) => (differs(runs, name) ? Number(runs.some((run) => typeof parameter(run, name) === "string")) : 2);
    return { parameters: all.toSorted((a, b) => rank(a) - rank(b)), metrics: metricNames(runs) };
  }, [runs]);
  const [chosen, setChosen] = useState<{ x?: string; y?: string }>({});
  const [x, y] = [chosen.x ?? names.parameters[0], chosen.y ?? names.metrics[0]];
  if (x === undefined || y === undefined) return <Box color="text-status-inactive">These runs have no parameters, or no metrics.</Box>;
  const dots = runs.flatMap((run) => {
    const [across, up] = [parameter(run, x), metric(run, y)?.Last];
    return across === undefined || up === undefined ? [] : [{ name: called(run, runs), href: to("runs", run.TrialComponentName), x: across, y: up }];
  });
  const options = (all: string[]) => all.map((value) => ({ value, label: value }));
  return (
    <SpaceBetween size="m">
      <ColumnLayout columns={2}>
        <FormField label="Parameter">
          <Select selectedOption={{ value: x, label: x }} options={options(names.parameters)} filteringType="auto" onChange={({ detail }) => setChosen({ x: detail.selectedOption.value, y })} />
        </FormField>
        <FormField label="Metric">
          <Select selectedOption={{ value: y, label: y }} options={options(names.metrics)} filteringType="auto" onChange={({ detail }) => setChosen({ x, y: detail.selectedOption.value })} />
        </FormField>
      </ColumnLayout>
      <Scatter dots={dots} x={x} y={y} />
    </SpaceBetween>
  );
}
