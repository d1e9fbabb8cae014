import Box from "@cloudscape-design/components/box";
import Select from "@cloudscape-design/components/select";
import { useState } from "react";
import { call } from "../api/client";
import { Listing } from "../parts/Listing";
import { useLoaded } from "../parts/useLoaded";

interface Amount {
  Amount: string;
  Unit: string;
}
interface Answer {
  ResultsByTime: { Total: Record<string, Amount>; Groups: { Keys: string[]; Metrics: Record<string, Amount> }[] }[];
}
interface Row {
  what: string;
  amount: number;
}

const MEASURE = "UnblendedCost";
const GROUPS = [
  { label: "By kind of use", value: "DIMENSION:USAGE_TYPE" },
  { label: "By instance type", value: "DIMENSION:INSTANCE_TYPE" },
  { label: "By user", value: "TAG:aws:createdBy" },
];
const DOLLARS = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD", minimumFractionDigits: 2, maximumFractionDigits: 4 });

function month(): { Start: string; End: string } {
  const now = new Date();
  const day = (date: Date) => date.toISOString().slice(0, 10);
  const first = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), 1));
  return { Start: day(first), End: day(new Date(now.getTime() + 86_400_000)) };
}

export async function monthToDate(): Promise<string> {
  const answer: Answer = await call("ce", "GetCostAndUsage", { TimePeriod: month(), Granularity: "MONTHLY", Metrics: [MEASURE] });
  return DOLLARS.format(answer.ResultsByTime.reduce((sum, each) => sum + Number(each.Total[MEASURE]?.Amount ?? 0), 0));
}

async function grouped(by: string): Promise<Row[]> {
  const [Type = "", ...rest] = by.split(":");
  const Key = rest.join(":");
  const answer: Answer = await call("ce", "GetCostAndUsage", {
    TimePeriod: month(),
    Granularity: "MONTHLY",
    Metrics: [MEASURE],
    GroupBy: [{ Type, Key }],
  });
  const sums = new Map<string, number>();
  for (const { Groups } of answer.ResultsByTime)
    for (const { Keys, Metrics } of Groups) {
      // Tags come as `key$value`.
      const what = Keys.join(", ").replace(`${Key}$`, "");
      sums.set(what, (sums.get(what) ?? 0) + Number(Metrics[MEASURE]?.Amount ?? 0));
    }
  return [...sums].map(([what, amount]) => ({ what, amount })).sort((a, b) => b.amount - a.amount);
}

/** What this month cost, as AWS would have charged it. */
export function Cost() {
  const [by, setBy] = useState(GROUPS[0]!);
  const loaded = useLoaded(() => grouped(by.value), [by]);
  return (
    <Listing
      title="Cost of this month"
      description="What the instances in use would have cost on AWS."
      loaded={loaded}
      id={(row) => row.what}
      teach={<Box>Nothing was used this month. Jobs and endpoints are entered here as they run.</Box>}
      actions={
        <Select
          selectedOption={by}
          options={GROUPS}
          onChange={({ detail }) => setBy(detail.selectedOption as (typeof GROUPS)[0])}
          ariaLabel="Group by"
        />
      }
      columns={[
        { id: "what", header: "What", cell: (row) => row.what || "(none)", sortingField: "what" },
        { id: "amount", header: "Cost", cell: (row) => DOLLARS.format(row.amount), sortingField: "amount" },
      ]}
    />
  );
}
