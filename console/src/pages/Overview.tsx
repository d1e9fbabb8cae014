import Box from "@cloudscape-design/components/box";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import Container from "@cloudscape-design/components/container";
import ContentLayout from "@cloudscape-design/components/content-layout";
import Header from "@cloudscape-design/components/header";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import type { ReactNode } from "react";
import { call, serverSettings } from "../api/client";
import { Failure } from "../parts/Failure";
import { moment, size, type Time } from "../parts/format";
import { to } from "../parts/route";
import { Status } from "../parts/Status";
import { useLoaded } from "../parts/useLoaded";
import { monthToDate } from "./Cost";

/** Something that runs, or has run, of whatever kind. */
interface Work {
  kind: string;
  page: string;
  name: string;
  status: string;
  created: number;
  why?: string;
  waits: boolean;
}
interface Served {
  EndpointName: string;
  EndpointStatus: string;
}

/** Kinds of work: how they are listed, and what members of them are called. */
const KINDS = [
  { kind: "Training", page: "training-jobs", operation: "ListTrainingJobs", noun: "TrainingJob", summaries: "TrainingJobSummaries" },
  { kind: "Tuning", page: "tuning-jobs", operation: "ListHyperParameterTuningJobs", noun: "HyperParameterTuningJob", summaries: "HyperParameterTuningJobSummaries" },
  { kind: "Processing", page: "processing-jobs", operation: "ListProcessingJobs", noun: "ProcessingJob", summaries: "ProcessingJobSummaries" },
  { kind: "Batch transform", page: "transform-jobs", operation: "ListTransformJobs", noun: "TransformJob", summaries: "TransformJobSummaries" },
];
const MOST = 100;
const SHOWN = 8;
const DAY_S = 86_400;

interface Found {
  work: Work[];
  /** Whether there is more than was asked for. */
  more: boolean;
}

/** The newest of each kind that a status and times are asked of. */
async function find(asked: Record<string, unknown>, kinds = KINDS): Promise<Found> {
  const newest = { SortBy: "CreationTime", SortOrder: "Descending", MaxResults: MOST, ...asked };
  const answers = await Promise.all(
    kinds.map(async ({ kind, page, operation, noun, summaries }): Promise<Found> => {
      const answer: Record<string, unknown> = await call("sagemaker", operation, newest);
      const work = (answer[summaries] as Record<string, unknown>[]).map((each) => ({
        kind,
        page,
        name: each[`${noun}Name`] as string,
        status: each[`${noun}Status`] as string,
        created: each["CreationTime"] as number,
        why: each["FailureReason"] as string | undefined,
        waits: each["SecondaryStatus"] === "Pending",
      }));
      return { work, more: answer["NextToken"] !== undefined };
    }),
  );
  const work = answers.flatMap((each) => each.work).sort((a, b) => b.created - a.created);
  return { work, more: answers.some((each) => each.more) };
}

async function look() {
  const yesterday = Math.floor(Date.now() / 1000) - DAY_S;
  const [latest, running, failed, endpoints] = await Promise.all([
    find({ MaxResults: SHOWN }, KINDS.slice(0, 1)),
    find({ StatusEquals: "InProgress" }),
    find({ StatusEquals: "Failed", LastModifiedTimeAfter: yesterday, MaxResults: SHOWN * 2 }),
    call<{ Endpoints: Served[]; NextToken?: string }>("sagemaker", "ListEndpoints", { MaxResults: MOST, SortBy: "CreationTime", SortOrder: "Descending" }),
  ]);
  return { latest, running, failed, endpoints: endpoints.Endpoints, serves: endpoints.NextToken !== undefined };
}

interface Machines {
  Engine: { Machines: { vcpus: number; memory_bytes: number; gpus: number }[] };
  Storage: { FreeBytes: number };
}

/** What there is for jobs and endpoints. */
async function capacity(): Promise<{ value: string; note: string }> {
  const { Engine, Storage } = await serverSettings<Machines>();
  const sum = (of: "vcpus" | "memory_bytes" | "gpus") => Engine.Machines.reduce((all, each) => all + each[of], 0);
  const gpus = sum("gpus") ? `, ${sum("gpus")} GPU` : "";
  return { value: `${sum("vcpus")} vCPU${gpus}`, note: `${size(sum("memory_bytes"))} of memory, ${size(Storage.FreeBytes)} of disk free` };
}

/** What runs, what waits for room, what failed, what is served, and what it costs. */
export function Overview() {
  const loaded = useLoaded(look, [], ["training-job", "endpoint", "hyper-parameter-tuning-job", "processing-job", "transform-job"]);
  // Who may not see costs, or the server, sees the rest.
  const cost = useLoaded(() => monthToDate().catch(() => undefined), []);
  const room = useLoaded(() => capacity().catch(() => undefined), []);
  const seen = loaded.value;
  const waiting = seen?.running.work.filter((each) => each.waits).length;
  const running = seen && seen.running.work.length - waiting!;
  const counted = (count: number | undefined, more: boolean | undefined) => (count === undefined ? undefined : more ? `${count}+` : count);
  return (
    <ContentLayout header={<Header variant="h1">Overview</Header>}>
      <SpaceBetween size="l">
        {loaded.error && <Failure error={loaded.error} again={loaded.again} />}
        <Container header={<Header variant="h2">Now</Header>}>
          <div className="figures">
            <Figure label="Running jobs" value={counted(running, seen?.running.more)} href={`${to("training-jobs")}?status=InProgress`} />
            <Figure label="Waiting for room" value={counted(waiting, seen?.running.more)} href={`${to("training-jobs")}?status=InProgress`} />
            <Figure label="Endpoints in service" value={counted(seen?.endpoints.filter((each) => each.EndpointStatus === "InService").length, seen?.serves)} href={to("endpoints")} />
            <Figure label="Failed jobs of the last day" value={counted(seen?.failed.work.length, seen?.failed.more)} href={`${to("training-jobs")}?status=Failed`} />
            {room.value && <Figure label="Capacity" value={room.value.value} note={room.value.note} href={to("settings")} />}
            <Figure label="Cost of this month" value={cost.value} href={to("cost")} />
          </div>
        </Container>
        <ColumnLayout columns={2}>
          <Container header={<Header variant="h2">Running</Header>} fitHeight>
            <Works of={seen?.running.work} none="Nothing runs." />
          </Container>
          <Container header={<Header variant="h2">Failed within a day</Header>} fitHeight>
            <Works of={seen?.failed.work} none="Nothing failed." />
          </Container>
          <Container header={<Header variant="h2" actions={<Link href={to("create-training-job")}>Create one</Link>}>Training jobs</Header>} fitHeight>
            <Works
              of={seen?.latest.work}
              none={
                <>
                  Nothing was trained yet. <code>sagewright demo</code> trains a model on real data and deploys it, or{" "}
                  <Link href={to("create-training-job")}>create a training job</Link> here.
                </>
              }
            />
          </Container>
          <Container header={<Header variant="h2" actions={<Link href={to("create-endpoint")}>Create one</Link>}>Endpoints</Header>} fitHeight>
            {seen?.endpoints.length === 0 && <Box>Nothing is deployed yet. A model and an endpoint configuration make an endpoint.</Box>}
            <SpaceBetween size="xs">
              {seen?.endpoints.slice(0, SHOWN).map((each) => (
                <div key={each.EndpointName}>
                  <Link href={to("endpoints", each.EndpointName)}>{each.EndpointName}</Link> <Status value={each.EndpointStatus} />
                </div>
              ))}
            </SpaceBetween>
          </Container>
        </ColumnLayout>
      </SpaceBetween>
    </ContentLayout>
  );
}

function Works({ of, none }: { of: Work[] | undefined; none: ReactNode }) {
  if (of === undefined) return <Box color="text-status-inactive">Loading</Box>;
  if (!of.length) return <Box>{none}</Box>;
  return (
    <SpaceBetween size="xs">
      {of.slice(0, SHOWN).map((each) => (
        <div key={`${each.kind} ${each.name}`}>
          <Link href={to(each.page, each.name)}>{each.name}</Link> <Status value={each.waits ? "Pending" : each.status} />
          <Box color="text-body-secondary" fontSize="body-s">
            {each.kind}, {moment(each.created as Time)}
            {each.why && <div className="why">{each.why}</div>}
          </Box>
        </div>
      ))}
      {of.length > SHOWN && <Box color="text-body-secondary">and {of.length - SHOWN} more</Box>}
    </SpaceBetween>
  );
}

function Figure({ label, value, note, href }: { label: string; value: number | string | undefined; note?: string; href: string }) {
  return (
    <div>
      <Box variant="awsui-key-label">{label}</Box>
      <Link variant="awsui-value-large" href={href} ariaLabel={`${label}: ${value ?? "unknown"}`}>
        {value ?? "–"}
      </Link>
      {note && (
        <Box color="text-body-secondary" fontSize="body-s" padding={{ top: "xxs" }}>
          {note}
        </Box>
      )}
    </div>
  );
}
