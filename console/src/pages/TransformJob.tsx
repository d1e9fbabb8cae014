import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Link from "@cloudscape-design/components/link";
import ProgressBar from "@cloudscape-design/components/progress-bar";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";
import Tabs from "@cloudscape-design/components/tabs";
import { call } from "../api/client";
import { Detail, useAct } from "../parts/Detail";
import { Failure } from "../parts/Failure";
import { duration, moment, s3Parts, size } from "../parts/format";
import { Pairs } from "../parts/Pairs";
import { to } from "../parts/route";
import { S3Link } from "../parts/S3Link";
import { Status } from "../parts/Status";
import { Streams, streams } from "../parts/Streams";
import { useLoaded } from "../parts/useLoaded";
import { useTurns } from "../parts/useTurns";

interface Job {
  TransformJobName: string;
  TransformJobStatus: string;
  FailureReason?: string;
  ModelName: string;
  MaxConcurrentTransforms?: number;
  MaxPayloadInMB?: number;
  BatchStrategy?: string;
  Environment?: Record<string, string>;
  TransformInput: { DataSource: { S3DataSource: { S3DataType: string; S3Uri: string } }; ContentType?: string; CompressionType?: string; SplitType?: string };
  TransformOutput: { S3OutputPath: string; Accept?: string; AssembleWith?: string };
  TransformResources: { InstanceType: string; InstanceCount: number };
  DataProcessing?: { InputFilter?: string; OutputFilter?: string; JoinSource?: string };
  CreationTime: number;
  TransformStartTime?: number;
  TransformEndTime?: number;
}

const GROUP = "/aws/sagemaker/TransformJobs";
const LOOK_S = 5;
const ENDED = ["Completed", "Failed", "Stopped"];

/** A batch transform job: how far it is, what its model prints, what went in and what came out. */
export function TransformJob({ name }: { name: string }) {
  const loaded = useLoaded(() => call<Job>("sagemaker", "DescribeTransformJob", { TransformJobName: name }), [name], ["transform-job"], name);
  const { act, error } = useAct();
  return (
    <Detail
      name={name}
      among={["Batch transform jobs", "transform-jobs"]}
      loaded={loaded}
      failed={(job) => job.FailureReason}
      actions={(job) => (
        <Button onClick={() => void act("sagemaker", "StopTransformJob", { TransformJobName: name })} disabled={ENDED.includes(job.TransformJobStatus)}>
          Stop
        </Button>
      )}
    >
      {(job) => {
        const live = !ENDED.includes(job.TransformJobStatus);
        return (
          <>
            {error && <Failure error={error} />}
            <Container>
              <SpaceBetween size="l">
                <KeyValuePairs
                  columns={4}
                  items={[
                    { label: "Status", value: <Status value={job.TransformJobStatus} /> },
                    { label: "Model", value: <Link href={to("models", job.ModelName)}>{job.ModelName}</Link> },
                    { label: "Instances", value: `${job.TransformResources.InstanceCount} × ${job.TransformResources.InstanceType}` },
                    { label: "Created", value: moment(job.CreationTime) },
                    { label: "Began", value: moment(job.TransformStartTime) },
                    { label: "Took", value: duration(job.TransformStartTime && job.TransformEndTime && job.TransformEndTime - job.TransformStartTime) },
                    { label: "Elsewhere", value: <Link href={to("runs", `${name}-aws-transform-job`)}>In experiments</Link> },
                  ]}
                />
                <Progress job={name} instances={job.TransformResources.InstanceCount} live={live} />
              </SpaceBetween>
            </Container>
            <Tabs
              tabs={[
                { id: "log", label: "Log", content: <Streams group={GROUP} prefix={`${name}/`} live={live} /> },
                { id: "data", label: "Inputs and outputs", content: <Data job={job} live={live} /> },
              ]}
            />
          </>
        );
      }}
    </Detail>
  );
}

const SAID = /([0-9]+) of ([0-9]+) objects done/;

interface Said {
  events: { message: string }[];
}

/** What the data logs of all instances said last of how many objects are done. */
async function progress(job: string, instances: number): Promise<{ done: number; of: number } | undefined> {
  const sum = { done: 0, of: 0 };
  const logs = (await streams(GROUP, `${job}/`)).filter((each) => each.logStreamName.endsWith("/data-log"));
  // An instance that was lost has a successor, which counts what was done before.
  logs.sort((a, b) => b.creationTime - a.creationTime);
  for (const { logStreamName } of logs.slice(0, instances)) {
    const page: Said = await call("logs", "GetLogEvents", { logGroupName: GROUP, logStreamName, startFromHead: false, limit: 100 });
    const last = page.events.map(({ message }) => SAID.exec(message)).findLast((each) => each !== null);
    if (last) [sum.done, sum.of] = [sum.done + Number(last[1]), sum.of + Number(last[2])];
  }
  return sum.of ? sum : undefined;
}

function Progress({ job, instances, live }: { job: string; instances: number; live: boolean }) {
  const turn = useTurns(LOOK_S, live);
  const loaded = useLoaded(() => progress(job, instances).catch(() => undefined), [job, live, turn]);
  // Who may not read logs sees the rest; and jobs of before this was logged have none.
  if (!loaded.value) return null;
  const { done, of } = loaded.value;
  return <ProgressBar value={(100 * done) / of} label="Objects" additionalInfo={`${done} of ${of} done`} ariaLabel="Objects that are done" />;
}

interface Contents {
  Contents?: { Key: string; Size: number; LastModified: string }[];
  IsTruncated?: boolean;
}

const SHOWN = 50;

function Data({ job, live }: { job: Job; live: boolean }) {
  const { S3DataSource: source } = job.TransformInput.DataSource;
  const output = job.TransformOutput.S3OutputPath.replace(/\/$/, "");
  const [Bucket, folder] = s3Parts(`${output}/`);
  const outputs = useLoaded(() => call<Contents>("s3", "ListObjectsV2", { Bucket, Prefix: folder, MaxKeys: SHOWN }), [output, live]);
  const processing = job.DataProcessing ?? {};
  return (
    <SpaceBetween size="l">
      <Container header={<Header variant="h3">Input</Header>}>
        <KeyValuePairs
          columns={4}
          items={[
            { label: source.S3DataType, value: <S3Link uri={source.S3Uri} /> },
            { label: "Content type", value: job.TransformInput.ContentType ?? "–" },
            { label: "Split", value: job.TransformInput.SplitType ?? "None" },
            { label: "Compression", value: job.TransformInput.CompressionType ?? "None" },
            { label: "Strategy", value: job.BatchStrategy ?? "of the container" },
            { label: "Requests at a time", value: job.MaxConcurrentTransforms ?? "of the container" },
            { label: "Largest request", value: job.MaxPayloadInMB === undefined ? "of the container" : job.MaxPayloadInMB ? `${job.MaxPayloadInMB} MB` : "whole objects" },
            { label: "Filter", value: processing.InputFilter ?? "$" },
          ]}
        />
      </Container>
      <Container header={<Header variant="h3">Output</Header>}>
        <SpaceBetween size="m">
          <KeyValuePairs
            columns={4}
            items={[
              { label: "Path", value: <S3Link uri={output} whole /> },
              { label: "Assembled with", value: job.TransformOutput.AssembleWith ?? "None" },
              { label: "Joined with", value: processing.JoinSource ?? "None" },
              { label: "Filter", value: processing.OutputFilter ?? "$" },
            ]}
          />
          {outputs.error ? (
            <Failure error={outputs.error} again={outputs.again} />
          ) : (
            <Table
              variant="borderless"
              items={outputs.value?.Contents ?? []}
              loading={!outputs.value}
              trackBy="Key"
              empty={<Box color="text-status-inactive">{live ? "Outputs are put there when all instances have ended." : "There is nothing at this path."}</Box>}
              footer={outputs.value?.IsTruncated && `The first ${SHOWN}: the path leads to all.`}
              columnDefinitions={[
                { id: "key", header: "Object", cell: (each) => each.Key.slice(folder.length), isRowHeader: true },
                { id: "size", header: "Size", cell: (each) => size(each.Size) },
                { id: "changed", header: "Written", cell: (each) => moment(each.LastModified) },
              ]}
            />
          )}
        </SpaceBetween>
      </Container>
      {job.Environment && Object.keys(job.Environment).length > 0 && <Pairs title="Environment" of={job.Environment} />}
    </SpaceBetween>
  );
}
