import Badge from "@cloudscape-design/components/badge";
import Box from "@cloudscape-design/components/box";
import BreadcrumbGroup from "@cloudscape-design/components/breadcrumb-group";
import Container from "@cloudscape-design/components/container";
import ContentLayout from "@cloudscape-design/components/content-layout";
import Header from "@cloudscape-design/components/header";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import Table from "@cloudscape-design/components/table";
import Toggle from "@cloudscape-design/components/toggle";
import { useMemo, useState } from "react";
import { COLORS } from "../parts/Chart";
import { Failure } from "../parts/Failure";
import { to } from "../parts/route";
import { useLoaded } from "../parts/useLoaded";
import { RunCurves } from "./RunCurves";
import { RunScatter } from "./RunScatter";
import { called, KINDS, REST_S, metric, metricNames, named, parameter, parameterNames, shown, type Run } from "./runs";

export function compareOf(runs: readonly Run[]): string {
  return `${to("compare")}?${new URLSearchParams(runs.map((run) => ["run", run.TrialComponentName])).toString()}`;
}

/** Some runs beside each other: what they were given, what came out, and the way there. */
export function Compare({ names }: { names: string[] }) {
  const loaded = useLoaded(() => named(names), [names.join()], KINDS, undefined, REST_S);
  const runs = loaded.value;
  return (
    <SpaceBetween size="s">
      <BreadcrumbGroup items={[{ text: "Experiments", href: to("experiments") }, { text: "Compare", href: location.hash }]} ariaLabel="Where you are" />
      <ContentLayout header={<Header variant="h1">Compare runs</Header>}>
        {loaded.error ? (
          <Failure error={loaded.error} again={loaded.again} />
        ) : !runs ? (
          <Spinner size="large" />
        ) : runs.length === 0 ? (
          <Box>
            Choose runs of an <Link href={to("experiments")}>experiment</Link>, or among <Link href={to("runs")}>all runs</Link>.
          </Box>
        ) : (
          <SpaceBetween size="l">
            <Beside runs={runs} />
            <RunCurves runs={runs} />
            {runs.length > 1 && (
              <Container header={<Header variant="h2">A parameter against a metric</Header>}>
                <RunScatter runs={runs} />
              </Container>
            )}
          </SpaceBetween>
        )}
      </ContentLayout>
    </SpaceBetween>
  );
}

interface Row {
  name: string;
  metric: boolean;
  values: (number | string | undefined)[];
}

function rows(runs: Run[]): Row[] {
  return [
    ...metricNames(runs).map((name) => ({ name, metric: true, values: runs.map((run) => metric(run, name)?.Last) })),
    ...parameterNames(runs).map((name) => ({ name, metric: false, values: runs.map((run) => parameter(run, name)) })),
  ];
}

function Beside({ runs }: { runs: Run[] }) {
  const [only, setOnly] = useState(false);
  const all = useMemo(() => rows(runs), [runs]);
  return (
    <Table
      items={only ? all.filter((row) => new Set(row.values).size > 1) : all}
      wrapLines
      stickyColumns={{ first: innerWidth > 688 ? 1 : 0 }}
      empty="These runs have neither parameters nor metrics."
      header={
        <Header
          variant="h2"
          actions={
            <Toggle checked={only} onChange={({ detail }) => setOnly(detail.checked)}>
              What differs only
            </Toggle>
          }
        >
          Parameters and metrics
        </Header>
      }
      columnDefinitions={[
        {
          id: "name",
          header: "Name",
          isRowHeader: true,
          minWidth: 160,
          cell: (row) => (
            <>
              {row.name} {row.metric && <Badge color="blue">metric</Badge>}
            </>
          ),
        },
        ...runs.map((run, index) => ({
          id: run.TrialComponentName,
          minWidth: 140,
          header: (
            <>
              <span className="swatch" style={{ background: COLORS[index % COLORS.length] }} aria-hidden="true" /> <Link href={to("runs", run.TrialComponentName)}>{called(run, runs)}</Link>
            </>
          ),
          cell: (row: Row) => <span className="name">{shown(row.values[index])}</span>,
        })),
      ]}
    />
  );
}
