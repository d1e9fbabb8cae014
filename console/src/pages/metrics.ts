// Metrics of CloudWatch and their datapoints.
import { call } from "../api/client";
import type { Series } from "../parts/Chart";
import { toDate, type Time } from "../parts/format";

export interface Metric {
  Namespace: string;
  MetricName: string;
  Dimensions?: { Name: string; Value: string }[];
}

export function shownDimensions(metric: Metric): string {
  return (metric.Dimensions ?? []).map(({ Name, Value }) => `${Name}=${Value}`).join(", ");
}

export function idOf(metric: Metric): string {
  return JSON.stringify([metric.Namespace, metric.MetricName, shownDimensions(metric)]);
}

interface Results {
  MetricDataResults: { Id: string; Timestamps: Time[]; Values: number[] }[];
  NextToken?: string;
}

/** A curve for each, in their order. `seconds` is how far back, `period` how much of time is one datapoint. */
export async function data(metrics: readonly Metric[], stat: string, period: number, seconds: number): Promise<Series[]> {
  const now = Math.ceil(Date.now() / 1000);
  const MetricDataQueries = metrics.map(({ Namespace, MetricName, Dimensions }, index) => ({ Id: `m${index}`, MetricStat: { Metric: { Namespace, MetricName, Dimensions }, Period: period, Stat: stat } }));
  const found = metrics.map((each): Series => ({ name: shownDimensions(each) || each.MetricName, x: [], y: [] }));
  let NextToken: string | undefined;
  do {
    const page: Results = await call("cloudwatch", "GetMetricData", { MetricDataQueries, StartTime: now - seconds, EndTime: now, ScanBy: "TimestampAscending", NextToken });
    for (const { Id, Timestamps, Values } of page.MetricDataResults) {
      const series = found[Number(Id.slice(1))];
      series?.x.push(...Timestamps.map((time) => toDate(time)!.getTime() / 1000));
      series?.y.push(...Values);
    }
    NextToken = page.NextToken;
  } while (NextToken);
  return found;
}
