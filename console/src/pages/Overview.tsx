import Box from "@cloudscape-design/components/box";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import Container from "@cloudscape-design/components/container";
import ContentLayout from "@cloudscape-design/components/content-layout";
import Header from "@cloudscape-design/components/header";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { call } from "../api/client";
import { Failure } from "../parts/Failure";
import { moment, type Time } from "../parts/format";
import { to } from "../parts/route";
import { Status } from "../parts/Status";
import { useLoaded } from "../parts/useLoaded";
import { monthToDate } from "./Cost";

interface Job {
  TrainingJobName: string;
  TrainingJobStatus: string;
  CreationTime: Time;
}
interface Served {
  EndpointName: string;
  EndpointStatus: string;
}

async function look() {
  const newest = { SortBy: "CreationTime", SortOrder: "Descending" };
  const [jobs, failed, endpoints] = await Promise.all([
    call<{ TrainingJobSummaries: Job[] }>("sagemaker", "ListTrainingJobs", { ...newest, MaxResults: 8 }),
    call<{ TrainingJobSummaries: Job[] }>("sagemaker", "ListTrainingJobs", { ...newest, MaxResults: 100, StatusEquals: "Failed" }),
    call<{ Endpoints: Served[] }>("sagemaker", "ListEndpoints", { MaxResults: 100 }),
  ]);
  const running = await call<{ TrainingJobSummaries: Job[] }>("sagemaker", "ListTrainingJobs", { MaxResults: 100, StatusEquals: "InProgress" });
  return {
    jobs: jobs.TrainingJobSummaries,
    failed: failed.TrainingJobSummaries,
    endpoints: endpoints.Endpoints,
    running: running.TrainingJobSummaries.length,
  };
}

export function Overview() {
  const loaded = useLoaded(look, [], ["training-job", "endpoint"]);
  // Who may not see costs sees the rest.
  const cost = useLoaded(() => monthToDate().catch(() => undefined), []);
  const seen = loaded.value;
  return (
    <ContentLayout header={<Header variant="h1">Overview</Header>}>
      <SpaceBetween size="l">
        {loaded.error && <Failure error={loaded.error} again={loaded.again} />}
        <Container header={<Header variant="h2">Now</Header>}>
          <ColumnLayout columns={4} variant="text-grid">
            <Figure label="Running training jobs" value={seen?.running} href={to("training-jobs")} />
            <Figure label="Endpoints in service" value={seen?.endpoints.filter((each) => each.EndpointStatus === "InService").length} href={to("endpoints")} />
            <Figure label="Failed training jobs" value={seen?.failed.length} href={to("training-jobs")} />
            <Figure label="Cost of this month" value={cost.value} href={to("cost")} />
          </ColumnLayout>
        </Container>
        <ColumnLayout columns={2}>
          <Container header={<Header variant="h2" actions={<Link href={to("create-training-job")}>Create one</Link>}>Training jobs</Header>} fitHeight>
            {seen?.jobs.length === 0 && (
              <Box>
                Nothing was trained yet. <code>sagewright demo</code> trains a model on real data and deploys it, or{" "}
                <Link href={to("create-training-job")}>create a training job</Link> here.
              </Box>
            )}
            <SpaceBetween size="xs">
              {seen?.jobs.map((job) => (
                <div key={job.TrainingJobName}>
                  <Link href={to("training-jobs", job.TrainingJobName)}>{job.TrainingJobName}</Link> <Status value={job.TrainingJobStatus} />
                  <Box color="text-body-secondary" fontSize="body-s">{moment(job.CreationTime)}</Box>
                </div>
              ))}
            </SpaceBetween>
          </Container>
          <Container header={<Header variant="h2">Endpoints</Header>} fitHeight>
            {seen?.endpoints.length === 0 && <Box>Nothing is deployed yet. A model and an endpoint configuration make an endpoint.</Box>}
            <SpaceBetween size="xs">
              {seen?.endpoints.slice(0, 8).map((each) => (
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

function Figure({ label, value, href }: { label: string; value: number | string | undefined; href: string }) {
  return (
    <div>
      <Box variant="awsui-key-label">{label}</Box>
      <Link variant="awsui-value-large" href={href} ariaLabel={`${label}: ${value ?? "unknown"}`}>
        {value ?? "–"}
      </Link>
    </div>
  );
}
