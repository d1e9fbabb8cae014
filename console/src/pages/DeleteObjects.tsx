import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { call } from "../api/client";
import { Failure } from "../parts/Failure";
import type { Entry } from "./S3Object";

const SHOWN = 10;

interface Answer {
  Contents?: { Key: string }[];
  NextContinuationToken?: string;
}

/** Deletes keys, and all below folders, a thousand at a time. `told` hears how many are gone. */
async function remove(bucket: string, entries: Entry[], told: (count: number) => void): Promise<void> {
  let gone = 0;
  async function these(keys: string[]): Promise<void> {
    if (!keys.length) return;
    const Delete = { Objects: keys.map((Key) => ({ Key })), Quiet: true };
    const { Errors } = await call<{ Errors?: { Key: string; Message: string }[] }>("s3", "DeleteObjects", { Bucket: bucket, Delete });
    if (Errors?.[0]) throw new Error(`${Errors[0].Key}: ${Errors[0].Message}`);
    told((gone += keys.length));
  }
  const objects = entries.filter((each) => !each.Key.endsWith("/")).map((each) => each.Key);
  for (let at = 0; at < objects.length; at += 1000) await these(objects.slice(at, at + 1000));
  for (const { Key } of entries.filter((each) => each.Key.endsWith("/"))) {
    // What is listed is deleted before more is listed: the first page is the next one each time.
    for (let more: string | undefined = ""; more !== undefined; ) {
      const page: Answer = await call("s3", "ListObjectsV2", { Bucket: bucket, Prefix: Key, MaxKeys: 1000 });
      await these((page.Contents ?? []).map((each) => each.Key));
      more = page.NextContinuationToken;
    }
  }
}

export function DeleteObjects({ bucket, entries, close }: { bucket: string; entries: Entry[]; close: () => void }) {
  const [gone, setGone] = useState<number>();
  const [error, setError] = useState<Error>();
  const folders = entries.some((each) => each.Key.endsWith("/"));
  function begin(): void {
    setGone(0);
    remove(bucket, entries, setGone).then(close, (failed: Error) => {
      setError(failed);
      setGone(undefined);
    });
  }
  return (
    <Modal
      visible
      header={`Delete ${entries.length === 1 ? entries[0]!.Key : `${entries.length} things`}?`}
      closeAriaLabel="Close"
      onDismiss={close}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={close}>
              Cancel
            </Button>
            <Button variant="primary" loading={gone !== undefined} onClick={begin}>
              Delete
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="s">
        {error && <Failure error={error} />}
        {folders && <Alert type="warning">All that is in folders is deleted too.</Alert>}
        <ul>
          {entries.slice(0, SHOWN).map((each) => (
            <li key={each.Key}>{each.Key}</li>
          ))}
        </ul>
        {entries.length > SHOWN && <Box>and {entries.length - SHOWN} more</Box>}
        <div role="status">{gone ? `${gone} deleted` : ""}</div>
      </SpaceBetween>
    </Modal>
  );
}
