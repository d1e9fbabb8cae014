import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";
import Tabs from "@cloudscape-design/components/tabs";
import { call, sparkHistory } from "../api/client";
import { Detail, useAct } from "../parts/Detail";
import { Failure } from "../parts/Failure";
import { duration, moment } from "../parts/format";
import { Pairs } from "../parts/Pairs";
import { to } from "../parts/route";
import { S3Link } from "../parts/S3Link";
import { Status } from "../parts/Status";
import { Streams } from "../parts/Streams";
import { useLoaded } from "../parts/useLoaded";

interface Input {
  InputName: string;
  S3Input?: { S3Uri: string; LocalPath?: string; S3InputMode?: string; S3DataDistributionType?: string };
}
interface Output {
  OutputName: string;
  S3Output?: { S3Uri: string; LocalPath?: string; S3UploadMode: string };
  FeatureStoreOutput?: { FeatureGroupName: string };
}
interface Job {
  ProcessingJobName: string;
  ProcessingJobStatus: string;
  ExitMessage?: string;
  FailureReason?: string;
  RoleArn: string;
  CreationTime: number;
  ProcessingStartTime?: number;
  ProcessingEndTime?: number;
  AppSpecification: { ImageUri: string; ContainerEntrypoint?: string[]; ContainerArguments?: string[] };
  ProcessingResources: { ClusterConfig: { InstanceCount: number; InstanceType: string; VolumeSizeInGB: number } };
  ProcessingInputs?: Input[];
  ProcessingOutputConfig?: { Outputs: Output[] };
  Environment?: Record<string, string>;
}

const GROUP = "/aws/sagemaker/ProcessingJobs";
const ENDED = ["Completed", "Failed", "Stopped"];

/** A processing job: what it runs and prints, what went in and out, and what it said at its end. */
export function ProcessingJob({ name }: { name: string }) {
  const loaded = useLoaded(() => call<Job>("sagemaker", "DescribeProcessingJob", { ProcessingJobName: name }), [name], ["processing-job"], name);
  const { act, follow, busy, error } = useAct();
  return (
    <Detail
      name={name}
      among={["Processing jobs", "processing-jobs"]}
      loaded={loaded}
      failed={(job) => job.FailureReason}
      actions={(job) => {
        const logs = eventLogs(job);
        return (
          <>
            <Button onClick={() => void act("sagemaker", "StopProcessingJob", { ProcessingJobName: name })} disabled={ENDED.includes(job.ProcessingJobStatus)}>
              Stop
            </Button>
            {logs && (
              <Button variant="primary" iconName="external" iconAlign="right" loading={busy} onClick={() => void follow(() => sparkHistory(logs))}>
                Spark UI
              </Button>
            )}
          </>
        );
      }}
    >
      {(job) => (
        <>
          {error && <Failure error={error} />}
          {job.ExitMessage && (
            <Alert type={job.ProcessingJobStatus === "Failed" ? "warning" : "info"} header="Its exit message">
              <span className="name" style={{ whiteSpace: "pre-wrap" }}>{job.ExitMessage}</span>
            </Alert>
          )}
          <Summary job={job} />
          <Tabs
            tabs={[
              { id: "log", label: "Log", content: <Streams group={GROUP} prefix={`${name}/`} live={!ENDED.includes(job.ProcessingJobStatus)} /> },
              { id: "data", label: "Inputs and outputs", content: <Data job={job} /> },
              { id: "environment", label: "Environment", content: <Pairs title="Environment" of={job.Environment ?? {}} empty="It was given none." /> },
            ]}
          />
        </>
      )}
    </Detail>
  );
}

function commandOf(job: Job): string[] {
  return [...(job.AppSpecification.ContainerEntrypoint ?? []), ...(job.AppSpecification.ContainerArguments ?? [])];
}

/** Where its event logs go, if it runs Spark and keeps them. */
function eventLogs(job: Job): string | undefined {
  const command = commandOf(job);
  const at = command.indexOf("--local-spark-event-logs-dir");
  const folder = at < 0 ? undefined : command[at + 1]?.replace(/\/+$/, "");
  const outputs = job.ProcessingOutputConfig?.Outputs ?? [];
  return outputs.find((each) => folder && each.S3Output?.LocalPath?.replace(/\/+$/, "") === folder)?.S3Output?.S3Uri;
}

function Summary({ job }: { job: Job }) {
  const cluster = job.ProcessingResources.ClusterConfig;
  const command = commandOf(job);
  return (
    <Container>
      <KeyValuePairs
        columns={3}
        items={[
          { label: "Status", value: <Status value={job.ProcessingJobStatus} /> },
          { label: "Created", value: moment(job.CreationTime) },
          { label: "Took", value: duration(job.ProcessingStartTime && job.ProcessingEndTime && job.ProcessingEndTime - job.ProcessingStartTime) },
          { label: "Instances", value: `${cluster.InstanceCount} × ${cluster.InstanceType}` },
          { label: "Image", value: job.AppSpecification.ImageUri.split("/").at(-1) },
          { label: "Role", value: job.RoleArn.split("/").at(-1) },
          { label: "Elsewhere", value: <Link href={to("runs", `${job.ProcessingJobName}-aws-processing-job`)}>In experiments</Link> },
          { label: "Command", value: command.length ? <code className="name">{command.join(" ")}</code> : "the image's own" },
        ]}
      />
    </Container>
  );
}

function Data({ job }: { job: Job }) {
  const inputs = job.ProcessingInputs ?? [];
  const outputs = job.ProcessingOutputConfig?.Outputs ?? [];
  return (
    <SpaceBetween size="l">
      <Table
        variant="borderless"
        header={<Header variant="h3">Inputs</Header>}
        items={inputs}
        empty="It was given none."
        wrapLines
        columnDefinitions={[
          { id: "name", header: "Name", cell: (each) => each.InputName, isRowHeader: true },
          { id: "uri", header: "Source", cell: (each) => (each.S3Input ? <S3Link uri={each.S3Input.S3Uri} /> : "a data set definition") },
          { id: "path", header: "In the container", cell: (each) => each.S3Input?.LocalPath ?? "–" },
          { id: "mode", header: "Mode", cell: (each) => each.S3Input?.S3InputMode ?? "–" },
        ]}
      />
      <Table
        variant="borderless"
        header={<Header variant="h3">Outputs</Header>}
        items={outputs}
        empty="It has none."
        wrapLines
        columnDefinitions={[
          { id: "name", header: "Name", cell: (each) => each.OutputName, isRowHeader: true },
          { id: "uri", header: "Goes to", cell: (each) => (each.S3Output ? <S3Link uri={each.S3Output.S3Uri} whole /> : (each.FeatureStoreOutput?.FeatureGroupName ?? "–")) },
          { id: "path", header: "In the container", cell: (each) => each.S3Output?.LocalPath ?? "–" },
          { id: "mode", header: "When", cell: (each) => (each.S3Output?.S3UploadMode === "Continuous" ? "while it runs" : "at its end") },
        ]}
      />
    </SpaceBetween>
  );
}
