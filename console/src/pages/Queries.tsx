import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import Link from "@cloudscape-design/components/link";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Textarea from "@cloudscape-design/components/textarea";
import { useState } from "react";
import { all, call } from "../api/client";
import { Failure } from "../parts/Failure";
import { moment, size } from "../parts/format";
import { Listing } from "../parts/Listing";
import { go, to } from "../parts/route";
import { Status } from "../parts/Status";
import { Teach } from "../parts/Teach";
import { useLoaded } from "../parts/useLoaded";
import type { Execution } from "./Query";

/** How many of the newest queries are listed; what BatchGetQueryExecution takes at once. */
const NEWEST = 50;

async function executions(group: string): Promise<Execution[]> {
  const { QueryExecutionIds } = await call<{ QueryExecutionIds: string[] }>("athena", "ListQueryExecutions", { WorkGroup: group, MaxResults: NEWEST });
  if (!QueryExecutionIds.length) return [];
  const { QueryExecutions } = await call<{ QueryExecutions: Execution[] }>("athena", "BatchGetQueryExecution", { QueryExecutionIds });
  return QueryExecutions;
}

interface Group {
  Name: string;
  State: string;
}

/** A query to ask, and those that were asked in a workgroup. */
export function Queries({ database, table }: { database: string; table: string | undefined }) {
  const [group, setGroup] = useState("primary");
  const groups = useLoaded(() => all<Group>("athena", "ListWorkGroups", "WorkGroups"), []);
  const loaded = useLoaded(() => executions(group), [group], ["query-execution"]);
  const last = loaded.value?.find((each) => each.ResultConfiguration?.OutputLocation)?.ResultConfiguration?.OutputLocation;
  return (
    <SpaceBetween size="l">
      {loaded.value && <Ask key={group} group={group} given={database} table={table} place={last?.slice(0, last.lastIndexOf("/") + 1) ?? ""} />}
      <Listing
        title="Queries"
        description={`The newest ${NEWEST} of a workgroup`}
        loaded={loaded}
        id={(each) => each.QueryExecutionId}
        actions={
          <Select
            selectedOption={{ value: group, label: group }}
            options={(groups.value ?? []).map(({ Name }) => ({ value: Name, label: Name }))}
            onChange={({ detail }) => setGroup(detail.selectedOption.value!)}
            ariaLabel="Workgroup"
          />
        }
        teach={
          <Teach
            title="Nothing was asked in this workgroup."
            service="athena"
            operation="StartQueryExecution"
            params={{ QueryString: "SELECT 1", QueryExecutionContext: { Database: "default" }, ResultConfiguration: { OutputLocation: "s3://bucket/results/" } }}
          >
            Athena answers SQL over the tables of Glue's catalog, whose files lie in S3.
          </Teach>
        }
        columns={[
          { id: "query", header: "Query", cell: (each) => <Link href={to("athena", each.QueryExecutionId)}><code>{shortened(each.Query)}</code></Link>, isRowHeader: true },
          { id: "status", header: "Status", cell: (each) => <Status value={each.Status.State} /> },
          { id: "database", header: "Database", cell: (each) => each.QueryExecutionContext?.Database ?? "–" },
          { id: "scanned", header: "Scanned", cell: (each) => size(each.Statistics?.DataScannedInBytes) },
          { id: "asked", header: "Asked", cell: (each) => moment(each.Status.SubmissionDateTime) },
        ]}
      />
    </SpaceBetween>
  );
}

function shortened(query: string): string {
  const line = query.replace(/\s+/g, " ").trim();
  return line.length > 80 ? `${line.slice(0, 79)}…` : line;
}

function Ask({ group, given, table, place }: { group: string; given: string; table: string | undefined; place: string }) {
  const databases = useLoaded(() => all<{ Name: string }>("athena", "ListDatabases", "DatabaseList", { CatalogName: "AwsDataCatalog" }).catch(() => []), []);
  const [database, setDatabase] = useState(given);
  const [text, setText] = useState(table ? `SELECT * FROM "${table}" LIMIT 10` : "SELECT 1");
  const [output, setOutput] = useState(place);
  const [error, setError] = useState<Error>();
  const [busy, setBusy] = useState(false);
  async function ask(): Promise<void> {
    setBusy(true);
    setError(undefined);
    const params = {
      QueryString: text,
      WorkGroup: group,
      QueryExecutionContext: { Database: database },
      ...(output && { ResultConfiguration: { OutputLocation: output } }),
    };
    await call<{ QueryExecutionId: string }>("athena", "StartQueryExecution", params).then(({ QueryExecutionId }) => go("athena", QueryExecutionId), setError);
    setBusy(false);
  }
  const option = (value: string) => ({ value, label: value });
  return (
    <Container header={<Header variant="h1">Athena</Header>}>
      <SpaceBetween size="m">
        <FormField label="Query" stretch>
          <Textarea value={text} onChange={({ detail }) => setText(detail.value)} rows={4} spellcheck={false} />
        </FormField>
        <div className="fields">
          <FormField label="Database">
            <Select selectedOption={option(database)} options={[...new Set([...(databases.value ?? []).map((each) => each.Name), database])].map(option)} onChange={({ detail }) => setDatabase(detail.selectedOption.value!)} />
          </FormField>
          <FormField label="Results go to">
            <Input value={output} onChange={({ detail }) => setOutput(detail.value)} placeholder="s3://bucket/results/, or the workgroup's" />
          </FormField>
          <Button variant="primary" onClick={() => void ask()} loading={busy} disabled={!text.trim()}>
            Run
          </Button>
        </div>
        {error && <Failure error={error} />}
        <Box fontSize="body-s" color="text-body-secondary">Which statements and functions are understood is in the guide's page on Athena.</Box>
      </SpaceBetween>
    </Container>
  );
}
