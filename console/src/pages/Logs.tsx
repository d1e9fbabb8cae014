import Box from "@cloudscape-design/components/box";
import BreadcrumbGroup from "@cloudscape-design/components/breadcrumb-group";
import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Toggle from "@cloudscape-design/components/toggle";
import { useState } from "react";
import { all, call } from "../api/client";
import { Failure } from "../parts/Failure";
import { moment, size } from "../parts/format";
import { Listing } from "../parts/Listing";
import { Log } from "../parts/Log";
import { to } from "../parts/route";
import { useLoaded } from "../parts/useLoaded";

const TOKEN: [string, string] = ["nextToken", "nextToken"];

export function Logs({ group, stream }: { group?: string; stream?: string }) {
  if (group === undefined) return <Groups />;
  if (stream === undefined) return <Streams key={group} group={group} />;
  return <Stream key={stream} group={group} stream={stream} />;
}

interface Group {
  logGroupName: string;
  storedBytes?: number;
  creationTime: number;
}

function Groups() {
  const loaded = useLoaded(() => all<Group>("logs", "DescribeLogGroups", "logGroups", {}, TOKEN), []);
  return (
    <Listing
      title="Log groups"
      loaded={loaded}
      id={(each) => each.logGroupName}
      teach={<Box>Nothing was logged yet. What jobs and endpoints print is kept here.</Box>}
      columns={[
        { id: "name", header: "Name", cell: (each) => <Link href={to("logs", each.logGroupName)}>{each.logGroupName}</Link>, isRowHeader: true, sortingField: "logGroupName" },
        { id: "size", header: "Size", cell: (each) => size(each.storedBytes), sortingField: "storedBytes" },
        { id: "created", header: "Created", cell: (each) => moment(each.creationTime / 1000), sortingField: "creationTime" },
      ]}
    />
  );
}

interface Described {
  logStreamName: string;
  lastEventTimestamp?: number;
}

function Streams({ group }: { group: string }) {
  const loaded = useLoaded(() => all<Described>("logs", "DescribeLogStreams", "logStreams", { logGroupName: group }, TOKEN), [group]);
  return (
    <SpaceBetween size="s">
      <BreadcrumbGroup items={[{ text: "Log groups", href: to("logs") }, { text: group, href: to("logs", group) }]} />
      <Search group={group} />
      <Listing
        title="Log streams"
        loaded={loaded}
        id={(each) => each.logStreamName}
        teach={<Box>Nothing was logged in this group.</Box>}
        columns={[
          { id: "name", header: "Name", cell: (each) => <Link href={to("logs", group, each.logStreamName)}>{each.logStreamName}</Link>, isRowHeader: true, sortingField: "logStreamName" },
          { id: "last", header: "Last line", cell: (each) => moment(each.lastEventTimestamp && each.lastEventTimestamp / 1000), sortingField: "lastEventTimestamp" },
        ]}
      />
    </SpaceBetween>
  );
}

interface Found {
  events: { timestamp: number; logStreamName: string; message: string }[];
}

function Search({ group }: { group: string }) {
  const [pattern, setPattern] = useState("");
  const [found, setFound] = useState<Found["events"]>();
  const [error, setError] = useState<Error>();
  function look(): void {
    setError(undefined);
    call<Found>("logs", "FilterLogEvents", { logGroupName: group, filterPattern: pattern, limit: 200 }).then(({ events }) => setFound(events), setError);
  }
  return (
    <SpaceBetween size="s">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          look();
        }}
      >
        <SpaceBetween size="xs" direction="horizontal">
          <Input value={pattern} onChange={({ detail }) => setPattern(detail.value)} placeholder="ERROR" ariaLabel="Filter pattern" type="search" />
          <Button formAction="submit">Search all streams</Button>
        </SpaceBetween>
      </form>
      {error && <Failure error={error} />}
      {found && (
        <pre className="log" role="status">
          {found.length ? found.map((each) => `${moment(each.timestamp / 1000)}  ${each.logStreamName}\n    ${each.message}\n`).join("") : "Nothing matches."}
        </pre>
      )}
    </SpaceBetween>
  );
}

function Stream({ group, stream }: { group: string; stream: string }) {
  const [live, setLive] = useState(false);
  return (
    <SpaceBetween size="s">
      <BreadcrumbGroup items={[{ text: "Log groups", href: to("logs") }, { text: group, href: to("logs", group) }, { text: stream, href: to("logs", group, stream) }]} />
      <Header
        variant="h1"
        actions={
          <Toggle checked={live} onChange={({ detail }) => setLive(detail.checked)}>
            Live
          </Toggle>
        }
      >
        {stream}
      </Header>
      <Log group={group} stream={stream} live={live} />
    </SpaceBetween>
  );
}
