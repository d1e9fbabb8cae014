import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Table from "@cloudscape-design/components/table";
import { call } from "../api/client";
import { Detail, useAct } from "../parts/Detail";
import { Failure } from "../parts/Failure";
import { duration, moment, size, type Time } from "../parts/format";
import { S3Link } from "../parts/S3Link";
import { Status } from "../parts/Status";
import { useLoaded } from "../parts/useLoaded";

export interface Execution {
  QueryExecutionId: string;
  Query: string;
  StatementType?: string;
  WorkGroup?: string;
  QueryExecutionContext?: { Database?: string };
  ResultConfiguration?: { OutputLocation?: string };
  Status: { State: string; StateChangeReason?: string; SubmissionDateTime?: Time; CompletionDateTime?: Time };
  Statistics?: { EngineExecutionTimeInMillis?: number; TotalExecutionTimeInMillis?: number; DataScannedInBytes?: number };
}

const ENDED = ["SUCCEEDED", "FAILED", "CANCELLED"];
const ROWS = 200;

/** A query of Athena's: what was asked, how it went, and the beginning of the answer. */
export function Query({ id }: { id: string }) {
  const asked = { QueryExecutionId: id };
  const loaded = useLoaded(() => call<{ QueryExecution: Execution }>("athena", "GetQueryExecution", asked).then((answer) => answer.QueryExecution), [id], ["query-execution"], id);
  const { act, error } = useAct();
  return (
    <Detail
      name={id}
      among={["Athena", "athena"]}
      loaded={loaded}
      failed={(query) => (query.Status.State === "FAILED" ? query.Status.StateChangeReason : undefined)}
      actions={(query) => (
        <Button onClick={() => void act("athena", "StopQueryExecution", asked)} disabled={ENDED.includes(query.Status.State)}>
          Stop
        </Button>
      )}
    >
      {(query) => (
        <>
          {error && <Failure error={error} />}
          <Container header={<Header variant="h2">Query</Header>}>
            <pre className="code" tabIndex={0} aria-label="The query">{query.Query}</pre>
          </Container>
          <Container>
            <KeyValuePairs
              columns={4}
              items={[
                { label: "Status", value: <Status value={query.Status.State} /> },
                { label: "Asked", value: moment(query.Status.SubmissionDateTime) },
                { label: "Took", value: query.Statistics?.TotalExecutionTimeInMillis === undefined ? "–" : duration(query.Statistics.TotalExecutionTimeInMillis / 1000) },
                { label: "Scanned", value: size(query.Statistics?.DataScannedInBytes) },
                { label: "Database", value: query.QueryExecutionContext?.Database ?? "–" },
                { label: "Workgroup", value: query.WorkGroup ?? "–" },
                { label: "Result", value: query.ResultConfiguration?.OutputLocation ? <S3Link uri={query.ResultConfiguration.OutputLocation} /> : "–" },
              ]}
            />
          </Container>
          {query.Status.State === "SUCCEEDED" && <Answer id={id} />}
        </>
      )}
    </Detail>
  );
}

interface Results {
  ResultSet: { Rows: { Data: { VarCharValue?: string }[] }[]; ResultSetMetadata?: { ColumnInfo: { Name: string; Type: string }[] } };
  NextToken?: string;
}

function Answer({ id }: { id: string }) {
  const loaded = useLoaded(() => call<Results>("athena", "GetQueryResults", { QueryExecutionId: id, MaxResults: ROWS }), [id]);
  if (loaded.error) return <Failure error={loaded.error} again={loaded.again} />;
  if (!loaded.value) return <Box color="text-status-inactive">Loading</Box>;
  const { Rows, ResultSetMetadata } = loaded.value.ResultSet;
  const columns = ResultSetMetadata?.ColumnInfo ?? [];
  if (!columns.length) return <Box color="text-status-inactive">It has no rows.</Box>;
  // Of a SELECT, the first row is the header.
  const titled = Rows[0]?.Data.every((each, index) => each.VarCharValue === columns[index]?.Name) ?? false;
  const rows = Rows.slice(titled ? 1 : 0);
  return (
    <Table
      header={<Header variant="h2" counter={`(${rows.length}${loaded.value.NextToken ? "+" : ""})`}>Rows</Header>}
      items={rows}
      empty="No rows."
      wrapLines={false}
      footer={loaded.value.NextToken && `The first ${rows.length} rows: the whole result is in S3.`}
      columnDefinitions={columns.map(({ Name, Type }, index) => ({
        id: `${index}`,
        header: <span title={Type}>{Name}</span>,
        cell: (row: (typeof rows)[0]) => row.Data[index]?.VarCharValue ?? <Box color="text-status-inactive">null</Box>,
      }))}
    />
  );
}
