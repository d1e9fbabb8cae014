// Input channels of training jobs, as forms have them.

import type { Params } from "../api/client";
import type { Column } from "./fields";
import { given } from "./form";

export interface Channel extends Record<string, string> {
  name: string;
  address: string;
  type: string;
}

type InputData = (Params & { ChannelName: string; ContentType?: string; DataSource: { S3DataSource?: Params & { S3Uri: string } } })[];

export const FRESH_CHANNEL: Channel = { name: "train", address: "", type: "text/csv" };

export const CHANNEL_COLUMNS: Column[] = [
  { key: "name", label: "Channel", member: "ChannelName" },
  { key: "address", label: "S3 address", member: "DataSource.S3DataSource.S3Uri", width: 4 },
  { key: "type", label: "Content type", member: "ContentType", options: ["text/csv", "application/x-parquet", "application/jsonlines", "text/libsvm", "application/x-recordio-protobuf"], free: true, width: 3 },
];

export function channelsOf(config: InputData = []): Channel[] {
  return config.map((each) => ({ name: each.ChannelName, address: each.DataSource.S3DataSource?.S3Uri ?? "", type: each.ContentType ?? "" }));
}

/** `original` are the channels of the job that is cloned: what the form does not show of one stays as it was. */
export function inputData(channels: Channel[], original: InputData = []): Params[] | undefined {
  if (!channels.length) return undefined;
  return channels.map(({ name, address, type }) => {
    const before = original.find((each) => each.ChannelName === name);
    const source = { S3DataType: "S3Prefix", S3DataDistributionType: "FullyReplicated", ...before?.DataSource.S3DataSource, S3Uri: address };
    const data = before && !before.DataSource.S3DataSource ? before.DataSource : { S3DataSource: source };
    return { ...before, ChannelName: name, DataSource: data, ContentType: given(type) };
  });
}
