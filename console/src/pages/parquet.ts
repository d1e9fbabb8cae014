import { parquetMetadataAsync, parquetReadObjects, parquetSchema, type FileMetaData } from "hyparquet";
import { decompressBrotli, decompressGzip, decompressLz4, decompressLz4Raw, decompressZstd } from "hyparquet-compressors";
import { size as sized } from "../parts/format";
import type { Shown } from "./Preview";

const COLUMNS = 40;
/** Of a column's chunk without an index of its pages, so many bytes are read: its dictionary and its first page fit. */
const FIRST = 2 * 2 ** 20;

type Read = (from: number, to: number) => Promise<ArrayBuffer>;

/** The first rows of a Parquet file; of the file, only its end and the pages with those rows are read. */
export async function parquet(size: number, read: Read, most: number): Promise<Shown> {
  const file = { byteLength: size, slice: (from: number, to = size) => read(from, Math.min(to, size)) };
  const metadata = await parquetMetadataAsync(file);
  const total = Number(metadata.num_rows);
  const { children } = parquetSchema(metadata);
  const flat = new Set(children.filter((each) => !each.children.length && each.element.repetition_type !== "REPEATED").map((each) => each.element.name));
  const columns = children.map((each) => each.element.name).filter((name) => flat.has(name) || chunk(metadata, name) <= FIRST);
  const shown = columns.slice(0, COLUMNS);
  const rows = await parquetReadObjects({
    file,
    metadata: shortened(metadata, flat),
    columns: shown,
    rowStart: 0,
    rowEnd: Math.min(most, total),
    useOffsetIndex: true,
    // Snappy is what the reader itself has.
    compressors: { GZIP: decompressGzip, BROTLI: decompressBrotli, ZSTD: (input) => decompressZstd(input), LZ4: decompressLz4, LZ4_RAW: decompressLz4Raw },
  });
  const said = `The first ${rows.length} of ${total.toLocaleString()} rows; ${shown.length < children.length ? `${shown.length} of ` : ""}${children.length} columns; ${sized(size)}.`;
  return { header: shown, rows: rows.map((row) => shown.map((name) => cell(row[name]))), said };
}

/** Bytes of a column in the first group of rows. */
function chunk(metadata: FileMetaData, name: string): number {
  const chunks = metadata.row_groups[0]?.columns.filter((each) => each.meta_data?.path_in_schema[0] === name) ?? [];
  return chunks.reduce((sum, each) => sum + Number(each.meta_data?.total_compressed_size ?? 0), 0);
}

/** The reader takes whole chunks, but of flat columns reads no further than the last row asked for: let them end early. */
function shortened(metadata: FileMetaData, flat: Set<string>): FileMetaData {
  const row_groups = metadata.row_groups.map((group) => ({
    ...group,
    columns: group.columns.map((each) => {
      const about = each.meta_data;
      if (!about || each.offset_index_offset !== undefined || !flat.has(about.path_in_schema[0]!)) return each;
      const size = about.total_compressed_size;
      return { ...each, meta_data: { ...about, total_compressed_size: size < FIRST ? size : BigInt(FIRST) } };
    }),
  }));
  return { ...metadata, row_groups };
}

function cell(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (value instanceof Date) return value.toISOString();
  if (typeof value !== "object") return String(value);
  return JSON.stringify(value, (_, inner: unknown) => (typeof inner === "bigint" ? String(inner) : inner));
}
