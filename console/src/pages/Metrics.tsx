import { useCollection } from "@cloudscape-design/collection-hooks";
import Alert from "@cloudscape-design/components/alert";
import Autosuggest from "@cloudscape-design/components/autosuggest";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import ContentLayout from "@cloudscape-design/components/content-layout";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import Pagination from "@cloudscape-design/components/pagination";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";
import TextFilter from "@cloudscape-design/components/text-filter";
import { useEffect, useMemo, useState } from "react";
import { all, type Params } from "../api/client";
import { Failure } from "../parts/Failure";
import { to } from "../parts/route";
import { Teach } from "../parts/Teach";
import { useLoaded, type Loaded } from "../parts/useLoaded";
import { MetricCharts } from "./MetricCharts";
import { idOf, shownDimensions, type Metric } from "./metrics";

/** Where jobs, endpoints and the platform write; others are found by asking. */
const USUAL = ["AWS/SageMaker", "/aws/sagemaker/Endpoints", "/aws/sagemaker/InferenceComponents", "/aws/sagemaker/TrainingJobs"];
const MOST = 2000;
/** Metrics that are charted at a time. */
const CHARTED = 20;
/** What is charted at once where a page of a job or endpoint led here. */
const AT_ONCE = 6;

/** `EndpointName=houses, VariantName` as ListMetrics takes it. */
function dimensionsOf(text: string): Params[] {
  const given = text.split(",").map((each) => each.trim()).filter(Boolean);
  return given.map((each) => {
    const [Name, ...value] = each.split("=");
    return value.length ? { Name, Value: value.join("=") } : { Name };
  });
}

async function listed(namespace: string, dimensions: string): Promise<Metric[]> {
  const Dimensions = dimensionsOf(dimensions);
  return all<Metric>("cloudwatch", "ListMetrics", "Metrics", { ...(namespace && { Namespace: namespace }), ...(Dimensions.length && { Dimensions }) }, undefined, MOST);
}

/** Those that something was written into in the last three hours, and the usual ones. */
async function namespaces(): Promise<string[]> {
  const recent = await all<Metric>("cloudwatch", "ListMetrics", "Metrics", { RecentlyActive: "PT3H" }, undefined, MOST);
  return [...new Set([...recent.map((each) => each.Namespace), ...USUAL])].sort();
}

/** Metrics of CloudWatch: a namespace, those in it, and charts of the chosen. */
export function Metrics({ namespace, dimensions }: { namespace: string; dimensions: string }) {
  const loaded = useLoaded(() => listed(namespace, dimensions), [namespace, dimensions]);
  return (
    <ContentLayout header={<Header variant="h1" description="What endpoints, jobs and your own code tell of themselves">Metrics</Header>}>
      <SpaceBetween size="l">
        <Search namespace={namespace} dimensions={dimensions} />
        {loaded.error && !loaded.value ? <Failure error={loaded.error} again={loaded.again} /> : <Found loaded={loaded} led={dimensions !== ""} />}
      </SpaceBetween>
    </ContentLayout>
  );
}

function Search({ namespace, dimensions }: { namespace: string; dimensions: string }) {
  const [wanted, setWanted] = useState(namespace);
  const [having, setHaving] = useState(dimensions);
  useEffect(() => {
    setWanted(namespace);
    setHaving(dimensions);
  }, [namespace, dimensions]);
  const known = useLoaded(() => namespaces().catch(() => USUAL), []);
  const follow = (value: string) => (location.hash = `${to("metrics")}?${new URLSearchParams({ namespace: value, dimensions: having }).toString()}`);
  return (
    <form
      className="fields"
      onSubmit={(event) => {
        event.preventDefault();
        follow(wanted);
      }}
    >
      <FormField label="Namespace">
        <Autosuggest
          value={wanted}
          options={(known.value ?? USUAL).map((value) => ({ value }))}
          onChange={({ detail }) => setWanted(detail.value)}
          onSelect={({ detail }) => follow(detail.value)}
          enteredTextLabel={(value) => `Use ${value}`}
          placeholder="All"
        />
      </FormField>
      <FormField label="Dimensions">
        <Input value={having} onChange={({ detail }) => setHaving(detail.value)} placeholder="EndpointName=houses" />
      </FormField>
      <Button formAction="submit">Find</Button>
    </form>
  );
}

function Found({ loaded, led }: { loaded: Loaded<Metric[]>; led: boolean }) {
  const metrics = useMemo(() => (loaded.value ?? []).map((each) => ({ ...each, id: idOf(each) })), [loaded.value]);
  const { items, collectionProps, filterProps, paginationProps, actions } = useCollection(metrics, {
    filtering: {
      filteringFunction: (metric, text) => `${metric.id} ${shownDimensions(metric)}`.toLowerCase().includes(text.toLowerCase()),
      empty: (
        <Box padding="l">
          <Teach
            title="There are no such metrics."
            service="cloudwatch"
            operation="PutMetricData"
            params={{ Namespace: "houses", MetricData: [{ MetricName: "Sold", Dimensions: [{ Name: "City", Value: "Bern" }], Value: 3, Unit: "Count" }] }}
          >
            Endpoints tell of themselves from their first invocation, training jobs by their metric definitions, and your code with a call.
          </Teach>
        </Box>
      ),
      noMatch: "Nothing matches.",
    },
    pagination: { pageSize: 10 },
    sorting: {},
    selection: { trackBy: "id", keepSelection: true },
  });
  const { setSelectedItems } = actions;
  useEffect(() => {
    if (led && metrics.length) setSelectedItems(metrics.slice(0, AT_ONCE));
  }, [led, metrics, setSelectedItems]);
  const chosen = collectionProps.selectedItems ?? [];
  return (
    <SpaceBetween size="l">
      {chosen.length > CHARTED && <Alert type="info">The first {CHARTED} of those that were chosen are charted.</Alert>}
      {chosen.length > 0 && <MetricCharts metrics={chosen.slice(0, CHARTED)} />}
      <Table
        {...collectionProps}
        items={items}
        loading={!loaded.value}
        loadingText="Loading"
        selectionType="multi"
        wrapLines
        header={
          <Header variant="h2" counter={loaded.value && `(${metrics.length})`} description={metrics.length >= MOST ? "The first of many: name a dimension to see others." : "Choose some to chart them."}>
            Found
          </Header>
        }
        filter={<TextFilter {...filterProps} filteringPlaceholder="Find in metrics" filteringAriaLabel="Find in metrics" />}
        pagination={<Pagination {...paginationProps} ariaLabels={{ nextPageLabel: "Next page", previousPageLabel: "Previous page" }} />}
        ariaLabels={{
          tableLabel: "Metrics",
          selectionGroupLabel: "Metrics to chart",
          allItemsSelectionLabel: () => "Choose all",
          itemSelectionLabel: (_, metric) => `Choose ${metric.MetricName} ${shownDimensions(metric)}`,
        }}
        columnDefinitions={[
          { id: "name", header: "Metric", cell: (each) => each.MetricName, isRowHeader: true, sortingField: "MetricName" },
          { id: "dimensions", header: "Dimensions", cell: (each) => <span className="name">{shownDimensions(each) || "none"}</span> },
          { id: "namespace", header: "Namespace", cell: (each) => each.Namespace, sortingField: "Namespace" },
        ]}
      />
    </SpaceBetween>
  );
}
