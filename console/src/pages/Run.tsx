import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";
import Tabs from "@cloudscape-design/components/tabs";
import { Detail } from "../parts/Detail";
import { duration, figure, moment } from "../parts/format";
import { Pairs } from "../parts/Pairs";
import { to } from "../parts/route";
import { S3Link } from "../parts/S3Link";
import { Status } from "../parts/Status";
import { useLoaded } from "../parts/useLoaded";
import { RunCurves } from "./RunCurves";
import { called, KINDS, named, parameter, parameterNames, source, type Run as Component } from "./runs";

/** A run: what it was given, its metrics, what went in and came out. */
export function Run({ name }: { name: string }) {
  const loaded = useLoaded(() => named([name]), [name], KINDS, name.toLowerCase());
  return (
    <Detail name={name} among={["Runs", "runs"]} loaded={loaded} failed={([run]) => (run?.Status?.PrimaryStatus === "Failed" ? run.Status.Message : undefined)}>
      {(runs) => {
        const run = runs[0]!;
        return (
          <>
            <Summary run={run} />
            <Tabs
              tabs={[
                { id: "metrics", label: "Metrics", content: <Metrics runs={runs} /> },
                { id: "parameters", label: "Parameters", content: <Pairs title="Parameters" of={Object.fromEntries(parameterNames(runs).map((each) => [each, parameter(run, each) ?? ""]))} empty="It was given none." /> },
                { id: "artifacts", label: "Inputs and outputs", content: <Artifacts run={run} /> },
              ]}
            />
          </>
        );
      }}
    </Detail>
  );
}

function Summary({ run }: { run: Component }) {
  const job = source(run);
  return (
    <Container>
      <KeyValuePairs
        columns={4}
        items={[
          { label: "Status", value: run.Status?.PrimaryStatus ? <Status value={run.Status.PrimaryStatus} /> : "–" },
          { label: "Called", value: called(run) },
          { label: "Created", value: moment(run.CreationTime) },
          { label: "Took", value: duration(run.StartTime && run.EndTime && run.EndTime - run.StartTime) },
          { label: "Job", value: job ? <Link href={job.href}>{job.text}</Link> : "none: it was logged from elsewhere" },
          {
            label: "Experiments",
            value: run.Parents?.length
              ? run.Parents.map((each) => (
                  <div key={each.TrialName}>
                    <Link href={to("experiments", each.ExperimentName)}>{each.ExperimentName}</Link>, trial {each.TrialName}
                  </div>
                ))
              : "in none",
          },
        ]}
      />
    </Container>
  );
}

function Metrics({ runs }: { runs: Component[] }) {
  return (
    <SpaceBetween size="l">
      <Table
        variant="borderless"
        header={<Header variant="h3">Summaries</Header>}
        items={runs[0]?.Metrics ?? []}
        trackBy="MetricName"
        empty="It has no metrics."
        columnDefinitions={[
          { id: "name", header: "Metric", cell: (each) => each.MetricName, isRowHeader: true },
          { id: "last", header: "Last", cell: (each) => figure(each.Last) },
          { id: "min", header: "Least", cell: (each) => figure(each.Min) },
          { id: "max", header: "Most", cell: (each) => figure(each.Max) },
          { id: "average", header: "Average", cell: (each) => figure(each.Avg) },
          { id: "count", header: "Values", cell: (each) => each.Count ?? "–" },
        ]}
      />
      {(runs[0]?.Metrics?.length ?? 0) > 0 && <RunCurves runs={runs} />}
    </SpaceBetween>
  );
}

function Artifacts({ run }: { run: Component }) {
  const sides: [string, Component["InputArtifacts"]][] = [["Inputs", run.InputArtifacts], ["Outputs", run.OutputArtifacts]];
  return (
    <SpaceBetween size="l">
      {sides.map(([title, artifacts = {}]) => (
        <Table
          key={title}
          variant="borderless"
          header={<Header variant="h3">{title}</Header>}
          items={Object.entries(artifacts)}
          empty="There are none."
          wrapLines
          columnDefinitions={[
            { id: "name", header: "Name", cell: ([name]) => name, isRowHeader: true },
            { id: "value", header: "Address", cell: ([, each]) => (each.Value.startsWith("s3://") ? <S3Link uri={each.Value} /> : <span className="name">{each.Value}</span>) },
            { id: "type", header: "Type", cell: ([, each]) => each.MediaType ?? "–" },
          ]}
        />
      ))}
    </SpaceBetween>
  );
}
