import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import CopyToClipboard from "@cloudscape-design/components/copy-to-clipboard";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { fetchBlob } from "../api/client";
import { Failure } from "../parts/Failure";
import { moment, size, type Time } from "../parts/format";
import { Preview } from "./Preview";

export interface Entry {
  Key: string;
  Size?: number;
  LastModified?: Time;
}

/** What an object begins with, and the way to have it. */
export function S3Object({ bucket, entry, close }: { bucket: string; entry: Entry; close: () => void }) {
  const [error, setError] = useState<Error>();
  const [busy, setBusy] = useState(false);
  async function get(): Promise<void> {
    setBusy(true);
    await download(bucket, entry.Key).catch(setError);
    setBusy(false);
  }
  const address = `s3://${bucket}/${entry.Key}`;
  return (
    <Modal
      visible
      size="max"
      header={entry.Key.split("/").at(-1)}
      closeAriaLabel="Close"
      onDismiss={close}
      footer={
        <Button loading={busy} onClick={() => void get()}>
          Download
        </Button>
      }
    >
      <SpaceBetween size="s">
        {error && <Failure error={error} />}
        <Box color="text-body-secondary">
          <CopyToClipboard variant="inline" textToCopy={address} copySuccessText="Copied" copyErrorText="Not copied" copyButtonAriaLabel="Copy the address" /> · {size(entry.Size)}, changed {moment(entry.LastModified)}
        </Box>
        <Preview bucket={bucket} name={entry.Key} size={entry.Size ?? 0} />
      </SpaceBetween>
    </Modal>
  );
}

async function download(bucket: string, key: string): Promise<void> {
  const { body } = await fetchBlob("s3", "GetObject", { Bucket: bucket, Key: key });
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(body), download: key.split("/").at(-1) });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
