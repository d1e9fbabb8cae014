import Box from "@cloudscape-design/components/box";
import Table from "@cloudscape-design/components/table";
import { useEffect } from "react";
import { fetchBlob } from "../api/client";
import { Failure } from "../parts/Failure";
import { size as sized } from "../parts/format";
import { useLoaded } from "../parts/useLoaded";
import { records } from "./csv";

/** Bytes that are read to find out what an object is; of texts, that many are shown. */
const FIRST = 65_536;
const LARGEST_IMAGE = 10 * 2 ** 20;
const ROWS = 50;
/** How images begin, and what they are. */
const IMAGES: [start: string, type: string][] = [
  ["\x89PNG", "image/png"],
  ["\xff\xd8\xff", "image/jpeg"],
  ["GIF8", "image/gif"],
  ["RIFF", "image/webp"],
];

/** A table's rows are what its cells show. */
export interface Shown {
  header: string[];
  rows: string[][];
  said: string;
}
type Seen = { image: string } | { table: Shown } | { text: string; said?: string } | undefined;

/** Bytes of an object from `from` up to `to`, which is not among them. */
export async function range(bucket: string, name: string, from: number, to: number): Promise<ArrayBuffer> {
  const { body } = await fetchBlob("s3", "GetObject", { Bucket: bucket, Key: name, Range: `bytes=${from}-${to - 1}` });
  return body.arrayBuffer();
}

async function look(bucket: string, name: string, size: number): Promise<Seen> {
  if (size === 0) return undefined;
  const first = new Uint8Array(await range(bucket, name, 0, Math.min(size, FIRST)));
  const start = String.fromCharCode(...first.subarray(0, 12));
  const ending = name.split(".").at(-1)!.toLowerCase();
  if (start.startsWith("PAR1")) {
    // Its reader is fetched when the first such file is looked at.
    const { parquet } = await import("./parquet");
    return { table: await parquet(size, (from, to) => range(bucket, name, from, to), ROWS) };
  }
  const type = ending === "svg" ? "image/svg+xml" : IMAGES.find(([begins]) => start.startsWith(begins))?.[1];
  if (type !== undefined && (type !== "image/webp" || start.endsWith("WEBP"))) {
    if (size > LARGEST_IMAGE) return undefined;
    const { body } = await fetchBlob("s3", "GetObject", { Bucket: bucket, Key: name });
    return { image: URL.createObjectURL(new Blob([body], { type })) };
  }
  const whole = first.length >= size;
  const text = decoded(first, whole);
  if (text === undefined) return undefined;
  if (ending === "csv" || ending === "tsv") {
    const [header = [], ...rows] = records(text, ending === "csv" ? "," : "\t", whole, ROWS + 1);
    return { table: { header, rows, said: `The first ${rows.length} rows, of ${sized(size)}.` } };
  }
  const said = whole ? undefined : `The first ${sized(first.length)} of ${sized(size)}.`;
  return { text: (ending === "json" && whole && pretty(text)) || text, said };
}

/** A preview of an object: what it is is told by how it begins, and nothing of it is ever run. */
export function Preview({ bucket, name, size }: { bucket: string; name: string; size: number }) {
  const loaded = useLoaded<Seen>(() => look(bucket, name, size), [bucket, name]);
  const seen = loaded.value;
  useEffect(() => () => void (seen && "image" in seen && URL.revokeObjectURL(seen.image)), [seen]);
  if (loaded.error) return <Failure error={loaded.error} again={loaded.again} />;
  if (loaded.loading) return <Box>Loading</Box>;
  if (seen === undefined) return <Box>There is no preview of {size ? "such files" : "what is empty"}: download it.</Box>;
  if ("image" in seen) return <img className="preview" src={seen.image} alt={name} />;
  if ("text" in seen)
    return (
      <div>
        <pre className="log" tabIndex={0} aria-label={`Beginning of ${name}`}>
          {seen.text}
        </pre>
        {seen.said && <Box color="text-body-secondary">{seen.said}</Box>}
      </div>
    );
  const { header, rows, said } = seen.table;
  return (
    <Table
      variant="embedded"
      items={rows}
      wrapLines={false}
      empty="It has no rows."
      footer={said}
      columnDefinitions={header.map((title, index) => ({ id: String(index), header: title, cell: (row: string[]) => row[index] ?? "" }))}
    />
  );
}

/** UTF-8, or undefined where it is none. A character that is cut off at the end is left out. */
function decoded(bytes: Uint8Array, whole: boolean): string | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: !whole });
    return text.includes("\0") ? undefined : text;
  } catch {
    return undefined;
  }
}

function pretty(text: string): string | undefined {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return undefined;
  }
}
