import { useCollection } from "@cloudscape-design/collection-hooks";
import Box from "@cloudscape-design/components/box";
import BreadcrumbGroup from "@cloudscape-design/components/breadcrumb-group";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import Header from "@cloudscape-design/components/header";
import Link from "@cloudscape-design/components/link";
import Pagination from "@cloudscape-design/components/pagination";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table, { type TableProps } from "@cloudscape-design/components/table";
import TextFilter from "@cloudscape-design/components/text-filter";
import { useMemo } from "react";
import { call } from "../api/client";
import { Failure } from "../parts/Failure";
import { moment } from "../parts/format";
import { to } from "../parts/route";
import { Status } from "../parts/Status";
import { Teach } from "../parts/Teach";
import { useLoaded } from "../parts/useLoaded";
import { compareOf } from "./Compare";
import { RunScatter } from "./RunScatter";
import { called, differs, KINDS, metric, metricNames, MOST, newest, parameter, parameterNames, REST_S, shown, source, type Run } from "./runs";

/** Columns of each kind at most: the page of a comparison has all. */
const COLUMNS = 8;
const COMPARED = 10;

/** The runs of an experiment, or the newest of all. */
export function Runs({ experiment }: { experiment?: string }) {
  const loaded = useLoaded(
    async () => {
      if (experiment !== undefined) await call("sagemaker", "DescribeExperiment", { ExperimentName: experiment });
      return newest(experiment);
    },
    [experiment],
    KINDS,
    undefined,
    REST_S,
  );
  const where = [{ text: "Experiments", href: to("experiments") }, experiment === undefined ? { text: "All runs", href: to("runs") } : { text: experiment, href: to("experiments", experiment) }];
  return (
    <SpaceBetween size="s">
      <BreadcrumbGroup items={where} ariaLabel="Where you are" />
      {loaded.error && !loaded.value ? <Failure error={loaded.error} again={loaded.again} /> : <Board found={loaded.value} title={experiment ?? "All runs"} experiment={experiment} />}
    </SpaceBetween>
  );
}

function columns(runs: Run[]): TableProps.ColumnDefinition<Run>[] {
  const parameters = parameterNames(runs).filter((name) => differs(runs, name)).slice(0, COLUMNS);
  const by = (of: (run: Run) => number | string | undefined) => (a: Run, b: Run) => compared(of(a), of(b));
  const trials = (run: Run) => (run.Parents ?? []).map((each) => each.TrialName).join(", ");
  return [
    { id: "name", header: "Run", cell: (run) => <Link href={to("runs", run.TrialComponentName)}>{called(run)}</Link>, isRowHeader: true, sortingComparator: by(called) },
    { id: "status", header: "Status", cell: (run) => (run.Status?.PrimaryStatus ? <Status value={run.Status.PrimaryStatus} /> : "–"), sortingComparator: by((run) => run.Status?.PrimaryStatus) },
    ...metricNames(runs).slice(0, COLUMNS).map((name) => ({ id: `m-${name}`, header: name, cell: (run: Run) => shown(metric(run, name)?.Last), sortingComparator: by((run) => metric(run, name)?.Last) })),
    ...parameters.map((name) => ({ id: `p-${name}`, header: name, cell: (run: Run) => <span className="name">{shown(parameter(run, name))}</span>, sortingComparator: by((run) => parameter(run, name)) })),
    { id: "trial", header: "Trial", cell: (run) => trials(run) || "–", sortingComparator: by(trials) },
    { id: "source", header: "Job", cell: (run) => <Source run={run} /> },
    { id: "created", header: "Created", cell: (run) => moment(run.CreationTime), sortingField: "CreationTime" },
  ];
}

function compared(a: number | string | undefined, b: number | string | undefined): number {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined);
  return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
}

function Source({ run }: { run: Run }) {
  const found = source(run);
  return found ? <Link href={found.href}>{found.text}</Link> : "–";
}

function Board({ found, title, experiment }: { found: Run[] | undefined; title: string; experiment: string | undefined }) {
  const runs = useMemo(() => found ?? [], [found]);
  const definitions = useMemo(() => columns(runs), [runs]);
  const teach = (
    <Teach
      title="There are no runs yet."
      operation={experiment === undefined ? "CreateTrialComponent" : "CreateTrial"}
      params={experiment === undefined ? { TrialComponentName: "by-hand", Parameters: { rate: { NumberValue: 0.1 } } } : { TrialName: "first", ExperimentName: experiment }}
    >
      {experiment === undefined
        ? "Each job is a run by itself, and its ExperimentConfig says to which experiment it belongs. Others are made by Run() of the SDK, or by this call."
        : `A run joins by a trial: jobs with ExperimentConfig={"ExperimentName": "${experiment}"}, Run(experiment_name="${experiment}") of the SDK, or AssociateTrialComponent.`}
    </Teach>
  );
  const { items, collectionProps, filterProps, paginationProps } = useCollection(runs, {
    filtering: {
      filteringFunction: (run, text) => JSON.stringify(run).toLowerCase().includes(text.toLowerCase()),
      empty: <Box padding="l">{teach}</Box>,
      noMatch: "Nothing matches.",
    },
    pagination: { pageSize: 20 },
    sorting: {},
    selection: { trackBy: "TrialComponentName" },
  });
  const chosen = collectionProps.selectedItems ?? [];
  return (
    <SpaceBetween size="l">
      <Table
        {...collectionProps}
        items={items}
        columnDefinitions={definitions}
        selectionType="multi"
        loading={found === undefined}
        loadingText="Loading"
        header={
          <Header
            variant="h1"
            counter={found && `(${runs.length})`}
            description={runs.length === MOST ? `The newest ${MOST}.` : "Choose some to compare them."}
            actions={
              <Button variant="primary" href={compareOf(chosen)} disabled={chosen.length < 2 || chosen.length > COMPARED}>
                Compare
              </Button>
            }
          >
            {title}
          </Header>
        }
        filter={<TextFilter {...filterProps} filteringPlaceholder="Find in runs" filteringAriaLabel="Find in runs" />}
        pagination={<Pagination {...paginationProps} ariaLabels={{ nextPageLabel: "Next page", previousPageLabel: "Previous page" }} />}
        ariaLabels={{
          tableLabel: "Runs",
          selectionGroupLabel: "Runs to compare",
          allItemsSelectionLabel: () => "Choose all",
          itemSelectionLabel: (_, run) => `Choose ${called(run, runs)}`,
        }}
      />
      {runs.length > 1 && (
        <Container>
          <ExpandableSection headerText="A parameter against a metric" headingTagOverride="h2" defaultExpanded>
            <RunScatter runs={runs} />
          </ExpandableSection>
        </Container>
      )}
    </SpaceBetween>
  );
}
