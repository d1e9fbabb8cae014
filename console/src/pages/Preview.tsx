import Box from "@cloudscape-design/components/box";
import Table from "@cloudscape-design/components/table";
import { fetchBlob } from "../api/client";
import { Failure } from "../parts/Failure";
import { size as sized } from "../parts/format";
import { useLoaded } from "../parts/useLoaded";

const FIRST = 65_536;
/** Bytes of a text that are shown. */
const LARGEST_IMAGE = 10 * 2 ** 20;
const ROWS = 50;
const IMAGES: Record<string, string> = { png: "image/png", jpg: "image/jpeg", jpeg: "image/jpeg", gif: "image/gif", webp: "image/webp" };
const TEXTS = ["csv", "tsv", "txt", "json", "jsonl", "py", "md", "log", "yaml", "yml", "sh", "xml", "html", "libsvm", "out", "manifest"];

type Seen = { image: string } | { rows: string[][] } | { text: string } | undefined;

/** The beginning of an object. What it is is told by its name; nothing of it is ever run. */
export function Preview({ bucket, name, size }: { bucket: string; name: string; size: number }) {
  const ending = name.split(".").at(-1)!.toLowerCase();
  const loaded = useLoaded<Seen>(async () => {
    const object = { Bucket: bucket, Key: name };
    const type = IMAGES[ending];
    if (type !== undefined && size <= LARGEST_IMAGE) {
      const { body } = await fetchBlob("s3", "GetObject", object);
      return { image: URL.createObjectURL(new Blob([body], { type })) };
    }
    if (!TEXTS.includes(ending) || size === 0) return undefined;
    const { body } = await fetchBlob("s3", "GetObject", { ...object, Range: `bytes=0-${FIRST - 1}` });
    const text = await body.text();
    if (ending !== "csv" && ending !== "tsv") return { text };
    const lines = text.split(/\r?\n/).slice(0, ROWS + 1);
    return { rows: lines.filter(Boolean).map((line) => fields(line, ending === "csv" ? "," : "\t")) };
  }, [bucket, name]);
  if (loaded.error) return <Failure error={loaded.error} again={loaded.again} />;
  if (loaded.loading) return <Box>Loading</Box>;
  const seen = loaded.value;
  if (seen === undefined) return <Box>{sized(size)}. There is no preview of {size ? "such files" : "what is empty"}: download it.</Box>;
  if ("image" in seen) return <img className="preview" src={seen.image} alt={name} />;
  if ("text" in seen) return <pre className="log">{seen.text}</pre>;
  const [header = [], ...rows] = seen.rows;
  return (
    <Table
      variant="embedded"
      items={rows}
      wrapLines={false}
      footer={`The first ${rows.length} rows, of ${sized(size)}.`}
      columnDefinitions={header.map((title, index) => ({ id: String(index), header: title, cell: (row: string[]) => row[index] ?? "" }))}
    />
  );
}

/** The fields of a line; those in quotes may have the separator in them. */
export function fields(line: string, separator: string): string[] {
  const found = [""];
  let quoted = false;
  for (let at = 0; at < line.length; at++) {
    const letter = line[at]!;
    if (letter === '"' && quoted && line[at + 1] === '"') found[found.length - 1] += line[++at]!;
    else if (letter === '"') quoted = !quoted;
    else if (letter === separator && !quoted) found.push("");
    else found[found.length - 1] += letter;
  }
  return found;
}
