// Files on their way into buckets. They go on while other pages are looked at.

import { call, send } from "./client";

export interface Upload {
  id: number;
  bucket: string;
  key: string;
  size: number;
  sent: number;
  state: "waiting" | "going" | "done" | "failed";
  error?: string;
}

/** What is larger goes in parts: one request may have 5 GiB. */
const LARGE = 256 * 2 ** 20;
const PART = 64 * 2 ** 20;
const AT_ONCE = 3;

let uploads: readonly Upload[] = [];
const waiting: { upload: Upload; file: File }[] = [];
const listeners = new Set<() => void>();
let stop = new AbortController();
let [going, counter] = [0, 0];

export function uploadsNow(): readonly Upload[] {
  return uploads;
}

export function followUploads(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** A file's name may have folders in it. Each is put below the prefix. */
export function startUploads(bucket: string, prefix: string, files: File[]): void {
  for (const file of files) {
    const key = prefix + (file.webkitRelativePath || file.name);
    const upload: Upload = { id: counter++, bucket, key, size: file.size, sent: 0, state: "waiting" };
    uploads = [...uploads, upload];
    waiting.push({ upload, file });
  }
  tell();
  begin();
}

/** End what is on its way, and forget all. */
export function dropUploads(): void {
  waiting.length = 0;
  stop.abort();
  stop = new AbortController();
  uploads = [];
  tell();
}

function tell(): void {
  listeners.forEach((each) => each());
}

function change(id: number, to: Partial<Upload>): void {
  uploads = uploads.map((each) => (each.id === id ? { ...each, ...to } : each));
  tell();
}

function begin(): void {
  while (going < AT_ONCE && waiting.length) {
    const { upload, file } = waiting.shift()!;
    going++;
    change(upload.id, { state: "going" });
    put(upload, file, stop.signal)
      .then(
        () => change(upload.id, { state: "done", sent: file.size }),
        (failed: Error) => change(upload.id, { state: "failed", error: failed.message }),
      )
      .finally(() => {
        going--;
        begin();
      });
  }
}

async function put(upload: Upload, file: File, signal: AbortSignal): Promise<void> {
  const object = { Bucket: upload.bucket, Key: upload.key };
  const type = file.type ? { ContentType: file.type } : {};
  if (file.size <= LARGE) {
    await send("s3", "PutObject", { ...object, ...type }, file, (sent) => change(upload.id, { sent }), signal);
    return;
  }
  const { UploadId } = await call<{ UploadId: string }>("s3", "CreateMultipartUpload", { ...object, ...type });
  try {
    const Parts = [];
    for (let [at, PartNumber] = [0, 1]; at < file.size; at += PART, PartNumber++) {
      const part = file.slice(at, at + PART);
      const told = (sent: number) => change(upload.id, { sent: at + sent });
      const { ETag } = await send("s3", "UploadPart", { ...object, UploadId, PartNumber }, part, told, signal);
      Parts.push({ ETag, PartNumber });
    }
    await call("s3", "CompleteMultipartUpload", { ...object, UploadId, MultipartUpload: { Parts } });
  } catch (failed) {
    await call("s3", "AbortMultipartUpload", { ...object, UploadId }).catch(() => undefined);
    throw failed;
  }
}
