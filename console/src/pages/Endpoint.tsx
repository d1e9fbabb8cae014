import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import Container from "@cloudscape-design/components/container";
import ContentLayout from "@cloudscape-design/components/content-layout";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";
import Tabs from "@cloudscape-design/components/tabs";
import Textarea from "@cloudscape-design/components/textarea";
import { useEffect, useMemo, useState } from "react";
import { call, fetchBlob } from "../api/client";
import { Chart, type Series } from "../parts/Chart";
import { Failure } from "../parts/Failure";
import { moment, toDate, type Time } from "../parts/format";
import { metricsOf } from "../parts/route";
import { Status } from "../parts/Status";
import { useLoaded } from "../parts/useLoaded";
import { EndpointScaling } from "./EndpointScaling";

interface Variant {
  VariantName: string;
  CurrentWeight?: number;
  CurrentInstanceCount?: number;
  DesiredInstanceCount?: number;
  CurrentServerlessConfig?: { MaxConcurrency: number };
}
interface Description {
  EndpointName: string;
  EndpointArn: string;
  EndpointConfigName: string;
  EndpointStatus: string;
  FailureReason?: string;
  CreationTime: number;
  LastModifiedTime: number;
  ProductionVariants?: Variant[];
}

export function Endpoint({ name }: { name: string }) {
  const loaded = useLoaded(() => call<Description>("sagemaker", "DescribeEndpoint", { EndpointName: name }), [name], ["endpoint"], name);
  const shown = loaded.value;
  if (loaded.error && !shown) return <Failure error={loaded.error} again={loaded.again} />;
  if (!shown) return null;
  const variants = shown.ProductionVariants ?? [];
  return (
    <ContentLayout
      header={
        <Header variant="h1" actions={<Button href={metricsOf("", "EndpointName", name)}>Metrics</Button>}>
          {name}
        </Header>
      }
    >
      <SpaceBetween size="l">
        {shown.FailureReason && (
          <Alert type="error" header="Why it failed">
            {shown.FailureReason}
          </Alert>
        )}
        <Container>
          <KeyValuePairs
            columns={4}
            items={[
              { label: "Status", value: <Status value={shown.EndpointStatus} /> },
              { label: "Configuration", value: shown.EndpointConfigName },
              { label: "Created", value: moment(shown.CreationTime) },
              { label: "Changed", value: moment(shown.LastModifiedTime) },
            ]}
          />
        </Container>
        <Table
          header={<Header counter={`(${variants.length})`}>Variants</Header>}
          items={variants}
          trackBy="VariantName"
          empty="There are none while it is being created."
          columnDefinitions={[
            { id: "name", header: "Name", cell: (each) => each.VariantName, isRowHeader: true },
            { id: "weight", header: "Weight", cell: (each) => each.CurrentWeight ?? "–" },
            { id: "instances", header: "Instances", cell: (each) => (each.CurrentServerlessConfig ? "serverless" : `${each.CurrentInstanceCount ?? 0} of ${each.DesiredInstanceCount ?? 0}`) },
          ]}
        />
        <Tabs
          tabs={[
            {
              id: "use",
              label: "Use",
              content: (
                <SpaceBetween size="l">
                  <Charts endpoint={name} variants={variants.map((each) => each.VariantName).join()} />
                  <Invoke endpoint={name} disabled={!["InService", "Updating", "SystemUpdating"].includes(shown.EndpointStatus)} />
                </SpaceBetween>
              ),
            },
            { id: "scaling", label: "Autoscaling", content: <EndpointScaling endpoint={name} variants={variants.map((each) => each.VariantName)} /> },
          ]}
        />
      </SpaceBetween>
    </ContentLayout>
  );
}

const HOURS = 3;
const MINUTE_MS = 60_000;

interface Results {
  MetricDataResults: { Timestamps: Time[]; Values: number[] }[];
}

/** Minutes of the last hours; they come as minutes end, so they are asked for once a minute while the page is seen. */
function Charts({ endpoint, variants }: { endpoint: string; variants: string }) {
  const [minute, setMinute] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => !document.hidden && setMinute((each) => each + 1), MINUTE_MS);
    return () => clearInterval(timer);
  }, []);
  const names = variants.split(",").filter(Boolean);
  const loaded = useLoaded(async () => {
    if (!names.length) return { counts: [], latencies: [] };
    const now = Math.floor(Date.now() / 1000);
    const wanted = (MetricName: string, Stat: string, prefix: string) =>
      names.map((variant, index) => ({
        Id: `${prefix}${index}`,
        MetricStat: {
          Metric: { Namespace: "AWS/SageMaker", MetricName, Dimensions: [{ Name: "EndpointName", Value: endpoint }, { Name: "VariantName", Value: variant }] },
          Period: 60,
          Stat,
        },
      }));
    const answer: Results = await call("cloudwatch", "GetMetricData", {
      MetricDataQueries: [...wanted("Invocations", "Sum", "i"), ...wanted("ModelLatency", "Average", "l")],
      StartTime: now - HOURS * 3600,
      EndTime: now,
      ScanBy: "TimestampAscending",
    });
    const series = answer.MetricDataResults.map((each, index): Series => ({
      name: names[index % names.length]!,
      x: each.Timestamps.map((time) => toDate(time)!.getTime() / 1000),
      y: index < names.length ? each.Values : each.Values.map((microseconds) => microseconds / 1000),
    }));
    return { counts: series.slice(0, names.length), latencies: series.slice(names.length) };
  }, [endpoint, variants, minute]);
  const { counts, latencies } = useMemo(() => loaded.value ?? { counts: [], latencies: [] }, [loaded.value]);
  if (loaded.error && !loaded.value) return <Failure error={loaded.error} again={loaded.again} />;
  return (
    <ColumnLayout columns={2}>
      <Container header={<Header variant="h2" description="Each minute">Invocations</Header>} fitHeight>
        <Chart series={counts} label="Invocations a minute" />
      </Container>
      <Container header={<Header variant="h2" description="Average, in milliseconds">Model latency</Header>} fitHeight>
        <Chart series={latencies} label="Model latency in milliseconds" />
      </Container>
    </ColumnLayout>
  );
}

function Invoke({ endpoint, disabled }: { endpoint: string; disabled: boolean }) {
  const [type, setType] = useState("application/json");
  const [body, setBody] = useState("[[1, 2, 3, 4]]");
  const [answer, setAnswer] = useState<string>();
  const [error, setError] = useState<Error>();
  const [busy, setBusy] = useState(false);
  async function send(): Promise<void> {
    setBusy(true);
    setError(undefined);
    const begun = performance.now();
    try {
      const got = await fetchBlob("sagemaker-runtime", "InvokeEndpoint", { EndpointName: endpoint, ContentType: type, Accept: "application/json" }, body);
      const took = Math.round(performance.now() - begun);
      setAnswer(`${await got.body.text()}\n\n${String(got.members["InvokedProductionVariant"] ?? "")} answered ${String(got.members["ContentType"] ?? "")} in ${took} ms`);
    } catch (failed) {
      setAnswer(undefined);
      setError(failed as Error);
    }
    setBusy(false);
  }
  return (
    <Container header={<Header variant="h2">Test</Header>}>
      <SpaceBetween size="m">
        <FormField label="Content type">
          <Input value={type} onChange={({ detail }) => setType(detail.value)} />
        </FormField>
        <FormField label="Body" stretch>
          <Textarea value={body} onChange={({ detail }) => setBody(detail.value)} rows={5} />
        </FormField>
        <Button onClick={() => void send()} loading={busy} disabled={disabled}>
          Invoke
        </Button>
        {error && <Failure error={error} />}
        {answer !== undefined && (
          <div role="status">
            <Box variant="awsui-key-label">Answer</Box>
            <pre className="log">{answer}</pre>
          </div>
        )}
      </SpaceBetween>
    </Container>
  );
}
