import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import ContentLayout from "@cloudscape-design/components/content-layout";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";
import Tabs from "@cloudscape-design/components/tabs";
import Alert from "@cloudscape-design/components/alert";
import { useMemo, useState } from "react";
import { call } from "../api/client";
import { Create } from "../parts/Create";
import { Chart, type Series } from "../parts/Chart";
import { Failure } from "../parts/Failure";
import { duration, moment, toDate, type Time } from "../parts/format";
import { metricsOf, to } from "../parts/route";
import { S3Link } from "../parts/S3Link";
import { Status } from "../parts/Status";
import { Streams } from "../parts/Streams";
import { useLoaded } from "../parts/useLoaded";

interface Channel {
  ChannelName: string;
  DataSource: { S3DataSource?: { S3Uri: string; S3DataType: string } };
}
export interface Job {
  TrainingJobName: string;
  TrainingJobArn: string;
  TrainingJobStatus: string;
  SecondaryStatus: string;
  FailureReason?: string;
  CreationTime: number;
  TrainingStartTime?: number;
  TrainingEndTime?: number;
  TrainingTimeInSeconds?: number;
  RoleArn: string;
  AlgorithmSpecification: { TrainingImage?: string; AlgorithmName?: string; MetricDefinitions?: { Name: string }[] };
  HyperParameters?: Record<string, string>;
  InputDataConfig?: Channel[];
  ResourceConfig: { InstanceType?: string; InstanceCount?: number };
  ModelArtifacts?: { S3ModelArtifacts: string };
  FinalMetricDataList?: { MetricName: string; Value: number; Timestamp: Time }[];
}

const GROUP = "/aws/sagemaker/TrainingJobs";
const ENDED = ["Completed", "Failed", "Stopped"];

export function TrainingJob({ name }: { name: string }) {
  const loaded = useLoaded(() => call<Job>("sagemaker", "DescribeTrainingJob", { TrainingJobName: name }), [name], ["training-job"], name);
  const [error, setError] = useState<Error>();
  const job = loaded.value;
  if (loaded.error && !job) return <Failure error={loaded.error} again={loaded.again} />;
  if (!job) return null;
  const live = !ENDED.includes(job.TrainingJobStatus);
  const stop = () => void call("sagemaker", "StopTrainingJob", { TrainingJobName: name }).catch(setError);
  return (
    <ContentLayout
      header={
        <Header
          variant="h1"
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              {job.TrainingJobStatus === "Completed" && (
                <div className="actions">
                  <Create what="model" page="create-model" given={{ from: name }} primary={false} />
                  <Create what="tuning job" page="create-tuning-job" given={{ from: name }} primary={false} />
                </div>
              )}
              <Button href={`${to("create-training-job")}?from=${encodeURIComponent(name)}`}>Clone</Button>
              <Button onClick={stop} disabled={!live}>
                Stop
              </Button>
            </SpaceBetween>
          }
        >
          {name}
        </Header>
      }
    >
      <SpaceBetween size="l">
        {error && <Failure error={error} />}
        {job.FailureReason && (
          <Alert type="error" header="Why it failed">
            <span style={{ whiteSpace: "pre-wrap" }}>{job.FailureReason}</span>
          </Alert>
        )}
        <Summary job={job} />
        <Tabs
          tabs={[
            { id: "log", label: "Log", content: <Streams group={GROUP} prefix={`${name}/`} live={live} /> },
            { id: "metrics", label: "Metrics", content: <Metrics job={job} live={live} /> },
            { id: "inputs", label: "Inputs", content: <Inputs job={job} /> },
          ]}
        />
      </SpaceBetween>
    </ContentLayout>
  );
}

function Summary({ job }: { job: Job }) {
  const artifact = job.ModelArtifacts?.S3ModelArtifacts;
  return (
    <Container>
      <KeyValuePairs
        columns={4}
        items={[
          { label: "Status", value: <Status value={job.TrainingJobStatus} /> },
          { label: "Step", value: job.SecondaryStatus },
          { label: "Created", value: moment(job.CreationTime) },
          { label: "Training took", value: duration(job.TrainingTimeInSeconds) },
          { label: "Instances", value: `${job.ResourceConfig.InstanceCount ?? 1} × ${job.ResourceConfig.InstanceType ?? "–"}` },
          { label: "Image", value: (job.AlgorithmSpecification.TrainingImage ?? job.AlgorithmSpecification.AlgorithmName ?? "–").split("/").at(-1) },
          { label: "Role", value: job.RoleArn.split("/").at(-1) },
          {
            label: "Elsewhere",
            value: (
              <SpaceBetween direction="horizontal" size="s">
                <Link href={to("runs", `${job.TrainingJobName}-aws-training-job`)}>In experiments</Link>
                <Link href={metricsOf(GROUP, "TrainingJobName", job.TrainingJobName)}>In metrics</Link>
              </SpaceBetween>
            ),
          },
          { label: "Model artifact", value: artifact ? <S3Link uri={artifact} /> : "–" },
        ]}
      />
    </Container>
  );
}

interface Results {
  MetricDataResults: { Id: string; Timestamps: Time[]; Values: number[] }[];
}

async function curves(job: Job): Promise<Series[]> {
  const metrics = [...new Set([...(job.AlgorithmSpecification.MetricDefinitions ?? []), ...(job.FinalMetricDataList ?? []).map(({ MetricName }) => ({ Name: MetricName }))].map(({ Name }) => Name))];
  if (!metrics.length) return [];
  const queries = metrics.slice(0, 50).map((MetricName, index) => ({
    Id: `m${index}`,
    MetricStat: {
      Metric: { Namespace: "/aws/sagemaker/TrainingJobs", MetricName, Dimensions: [{ Name: "TrainingJobName", Value: job.TrainingJobName }] },
      Period: 1,
      Stat: "Average",
    },
  }));
  const answer: Results = await call("cloudwatch", "GetMetricData", {
    MetricDataQueries: queries,
    StartTime: Math.floor(job.CreationTime),
    EndTime: Math.ceil(job.TrainingEndTime ?? Date.now() / 1000) + 60,
    ScanBy: "TimestampAscending",
  });
  return answer.MetricDataResults.map((each, index) => ({
    name: metrics[index]!,
    x: each.Timestamps.map((time) => toDate(time)!.getTime() / 1000),
    y: each.Values,
  }));
}

function Metrics({ job, live }: { job: Job; live: boolean }) {
  const loaded = useLoaded(() => curves(job), [job], live ? ["training-job"] : [], job.TrainingJobName);
  const shown = useMemo(() => (loaded.value ?? []).map((each) => [each]), [loaded.value]);
  if (loaded.error) return <Failure error={loaded.error} again={loaded.again} />;
  if (loaded.value?.length === 0)
    return <Box color="text-status-inactive">This job has no metrics. Metric definitions find numbers in what it prints: AlgorithmSpecification.MetricDefinitions.</Box>;
  return (
    <SpaceBetween size="l">
      {shown.map((series) => (
        <Container key={series[0]!.name} header={<Header variant="h3" description={`Last: ${series[0]!.y.at(-1) ?? "–"}`}>{series[0]!.name}</Header>}>
          <Chart series={series} label={series[0]!.name} />
        </Container>
      ))}
    </SpaceBetween>
  );
}

function Inputs({ job }: { job: Job }) {
  const parameters = Object.entries(job.HyperParameters ?? {});
  return (
    <SpaceBetween size="l">
      <Table
        variant="borderless"
        header={<Header variant="h3">Channels</Header>}
        items={job.InputDataConfig ?? []}
        empty="It reads no data from S3."
        columnDefinitions={[
          { id: "name", header: "Channel", cell: (each) => each.ChannelName, isRowHeader: true },
          { id: "uri", header: "Source", cell: (each) => (each.DataSource.S3DataSource ? <S3Link uri={each.DataSource.S3DataSource.S3Uri} /> : "a file system") },
        ]}
      />
      <Table
        variant="borderless"
        header={<Header variant="h3">Hyperparameters</Header>}
        items={parameters}
        empty="It has none."
        columnDefinitions={[
          { id: "name", header: "Name", cell: ([name]) => name, isRowHeader: true },
          { id: "value", header: "Value", cell: ([, value]) => value },
        ]}
      />
    </SpaceBetween>
  );
}
