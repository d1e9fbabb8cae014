import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";
import { useMemo } from "react";
import { all, call } from "../api/client";
import { Chart, type Series } from "../parts/Chart";
import { Failure } from "../parts/Failure";
import { moment, toDate, type Time } from "../parts/format";
import { Status } from "../parts/Status";
import { useLoaded } from "../parts/useLoaded";

const SERVICE = "application-autoscaling";
const HOURS = 3;

interface Target {
  ResourceId: string;
  ScalableDimension: string;
  MinCapacity: number;
  MaxCapacity: number;
}
interface Tracking {
  TargetValue: number;
  PredefinedMetricSpecification?: { PredefinedMetricType: string };
  CustomizedMetricSpecification?: { MetricName?: string };
  ScaleInCooldown?: number;
  ScaleOutCooldown?: number;
}
interface Policy {
  PolicyName: string;
  PolicyType: string;
  ResourceId: string;
  TargetTrackingScalingPolicyConfiguration?: Tracking;
  StepScalingPolicyConfiguration?: { StepAdjustments?: { ScalingAdjustment: number }[] };
}
interface Activity {
  ActivityId: string;
  ResourceId: string;
  Description: string;
  Cause: string;
  StartTime: Time;
  StatusCode: string;
  StatusMessage?: string;
  NotScaledReasons?: { Code: string }[];
}

/** What scales an endpoint's variants, what that did, and how many instances there were. */
export function EndpointScaling({ endpoint, variants }: { endpoint: string; variants: string[] }) {
  const loaded = useLoaded(
    async () => {
      const ResourceIds = variants.map((each) => `endpoint/${endpoint}/variant/${each}`);
      const asked = { ServiceNamespace: "sagemaker" };
      const [targets, policies, activities] = await Promise.all([
        all<Target>(SERVICE, "DescribeScalableTargets", "ScalableTargets", { ...asked, ResourceIds }),
        Promise.all(ResourceIds.map((ResourceId) => all<Policy>(SERVICE, "DescribeScalingPolicies", "ScalingPolicies", { ...asked, ResourceId }))),
        Promise.all(
          ResourceIds.map(async (ResourceId) => {
            const latest = { ...asked, ResourceId, MaxResults: 20, IncludeNotScaledActivities: true };
            return (await call<{ ScalingActivities: Activity[] }>(SERVICE, "DescribeScalingActivities", latest)).ScalingActivities;
          }),
        ),
      ]);
      return { targets, policies: policies.flat(), activities: activities.flat() };
    },
    [endpoint, variants.join()],
    // Each change of an endpoint's capacity changes the endpoint.
    ["endpoint"],
    endpoint,
  );
  const seen = loaded.value;
  if (loaded.error && !seen) return <Failure error={loaded.error} again={loaded.again} />;
  if (!seen) return <Box>Loading</Box>;
  return (
    <SpaceBetween size="l">
      <Container header={<Header variant="h2" description="Each minute">Instances</Header>}>
        <Instances endpoint={endpoint} variants={variants} />
      </Container>
      <Table
        header={<Header counter={`(${seen.targets.length})`}>Targets</Header>}
        items={seen.targets}
        empty={<>Nothing is scaled: register_scalable_target of boto3&apos;s application-autoscaling says between which bounds it may be.</>}
        columnDefinitions={[
          { id: "variant", header: "Variant", cell: (each) => variant(each.ResourceId), isRowHeader: true },
          { id: "what", header: "What is scaled", cell: (each) => each.ScalableDimension.split(":").at(-1) },
          { id: "least", header: "At least", cell: (each) => each.MinCapacity },
          { id: "most", header: "At most", cell: (each) => each.MaxCapacity },
        ]}
      />
      <Table
        header={<Header counter={`(${seen.policies.length})`}>Policies</Header>}
        items={seen.policies}
        empty="There are none: targets stay as they are."
        wrapLines
        columnDefinitions={[
          { id: "name", header: "Name", cell: (each) => each.PolicyName, isRowHeader: true },
          { id: "variant", header: "Variant", cell: (each) => variant(each.ResourceId) },
          { id: "type", header: "Type", cell: (each) => each.PolicyType },
          { id: "how", header: "How", cell: how },
        ]}
      />
      <Table
        header={<Header counter={`(${seen.activities.length})`}>Activities</Header>}
        items={seen.activities}
        trackBy="ActivityId"
        empty="Nothing was scaled yet."
        wrapLines
        columnDefinitions={[
          { id: "when", header: "When", cell: (each) => moment(each.StartTime), isRowHeader: true },
          { id: "variant", header: "Variant", cell: (each) => variant(each.ResourceId) },
          { id: "status", header: "Status", cell: (each) => <Status value={each.StatusCode} /> },
          { id: "what", header: "What", cell: (each) => each.Description },
          { id: "why", header: "Why", cell: (each) => each.NotScaledReasons?.map((reason) => reason.Code).join(", ") || each.Cause },
        ]}
      />
    </SpaceBetween>
  );
}

function variant(resource: string): string {
  return resource.split("/").at(-1) ?? "";
}

function how({ TargetTrackingScalingPolicyConfiguration: tracking, StepScalingPolicyConfiguration: steps }: Policy): string {
  if (tracking) {
    const metric = tracking.PredefinedMetricSpecification?.PredefinedMetricType ?? tracking.CustomizedMetricSpecification?.MetricName ?? "an expression";
    return `keeps ${metric} at ${tracking.TargetValue}`;
  }
  return steps?.StepAdjustments?.map((each) => `${each.ScalingAdjustment > 0 ? "+" : ""}${each.ScalingAdjustment}`).join(", ") ?? "";
}

interface Results {
  MetricDataResults: { Timestamps: Time[]; Values: number[] }[];
}

/** Each instance tells its use of the processors once a minute, so there are as many samples as instances. */
function Instances({ endpoint, variants }: { endpoint: string; variants: string[] }) {
  const loaded = useLoaded(
    async () => {
      if (!variants.length) return [];
      const now = Math.floor(Date.now() / 1000);
      const wanted = (name: string, index: number) => ({
        Id: `n${index}`,
        MetricStat: {
          Metric: {
            Namespace: "/aws/sagemaker/Endpoints",
            MetricName: "CPUUtilization",
            Dimensions: [
              { Name: "EndpointName", Value: endpoint },
              { Name: "VariantName", Value: name },
            ],
          },
          Period: 60,
          Stat: "SampleCount",
        },
      });
      const answer: Results = await call("cloudwatch", "GetMetricData", {
        MetricDataQueries: variants.map(wanted),
        StartTime: now - HOURS * 3600,
        EndTime: now,
        ScanBy: "TimestampAscending",
      });
      return answer.MetricDataResults.map(
        (each, index): Series => ({ name: variants[index]!, x: each.Timestamps.map((time) => toDate(time)!.getTime() / 1000), y: each.Values }),
      );
    },
    [endpoint, variants.join()],
    ["endpoint"],
    endpoint,
  );
  const series = useMemo(() => loaded.value ?? [], [loaded.value]);
  if (loaded.error && !loaded.value) return <Failure error={loaded.error} again={loaded.again} />;
  return <Chart series={series} label="Instances" />;
}
