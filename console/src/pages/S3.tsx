import Box from "@cloudscape-design/components/box";
import BreadcrumbGroup from "@cloudscape-design/components/breadcrumb-group";
import Button from "@cloudscape-design/components/button";
import FileInput from "@cloudscape-design/components/file-input";
import Link from "@cloudscape-design/components/link";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { all, call, fetchBlob, upload } from "../api/client";
import { Failure } from "../parts/Failure";
import { moment, size, type Time } from "../parts/format";
import { Listing } from "../parts/Listing";
import { to } from "../parts/route";
import { useLoaded } from "../parts/useLoaded";
import { Preview } from "./Preview";

export function S3({ bucket, prefix }: { bucket?: string; prefix: string }) {
  return bucket === undefined ? <Buckets /> : <Folder key={`${bucket}/${prefix}`} bucket={bucket} prefix={prefix} />;
}

interface Bucket {
  Name: string;
  CreationDate: Time;
}

function Buckets() {
  const loaded = useLoaded(async () => (await call<{ Buckets?: Bucket[] }>("s3", "ListBuckets")).Buckets ?? [], []);
  return (
    <Listing
      title="Buckets"
      loaded={loaded}
      id={(each) => each.Name}
      teach={<Box>There are no buckets yet. Data, code and models are kept in buckets: aws s3 mb s3://NAME makes one.</Box>}
      columns={[
        { id: "name", header: "Name", cell: (each) => <Link href={to("s3", each.Name)}>{each.Name}</Link>, isRowHeader: true, sortingField: "Name" },
        { id: "created", header: "Created", cell: (each) => moment(each.CreationDate) },
      ]}
    />
  );
}

interface Entry {
  Key: string;
  Size?: number;
  LastModified?: Time;
}

async function listed(bucket: string, prefix: string): Promise<Entry[]> {
  const params = { Bucket: bucket, Prefix: prefix, Delimiter: "/" };
  const token: [string, string] = ["ContinuationToken", "NextContinuationToken"];
  const folders: Entry[] = [];
  const objects = await all<Entry>("s3", "ListObjectsV2", "Contents", params, token);
  for (const each of await all<{ Prefix: string }>("s3", "ListObjectsV2", "CommonPrefixes", params, token)) folders.push({ Key: each.Prefix });
  return [...folders, ...objects.filter((each) => each.Key !== prefix)];
}

function Folder({ bucket, prefix }: { bucket: string; prefix: string }) {
  const loaded = useLoaded(() => listed(bucket, prefix), [bucket, prefix]);
  const [seen, setSeen] = useState<Entry>();
  const [error, setError] = useState<Error>();
  const parts = prefix.split("/").filter(Boolean);
  const crumbs = [
    { text: "Buckets", href: to("s3") },
    { text: bucket, href: to("s3", bucket) },
    ...parts.map((text, index) => ({ text, href: to("s3", bucket, `${parts.slice(0, index + 1).join("/")}/`) })),
  ];
  async function put(files: File[]): Promise<void> {
    setError(undefined);
    try {
      for (const file of files) await upload(bucket, prefix + file.name, file);
    } catch (failed) {
      setError(failed as Error);
    }
    loaded.again();
  }
  return (
    <SpaceBetween size="s">
      <BreadcrumbGroup items={crumbs} ariaLabel="Folders" />
      {error && <Failure error={error} />}
      <Listing
        title={parts.at(-1) ?? bucket}
        loaded={loaded}
        id={(each) => each.Key}
        actions={
          <FileInput value={[]} multiple onChange={({ detail }) => void put(detail.value)}>
            Upload
          </FileInput>
        }
        teach={<Box>Nothing is here yet. Upload files, or aws s3 cp FILE s3://{bucket}/{prefix}</Box>}
        columns={[
          {
            id: "name",
            header: "Name",
            isRowHeader: true,
            sortingField: "Key",
            cell: (each) =>
              each.Key.endsWith("/") ? (
                <Link href={to("s3", bucket, each.Key)}>{each.Key.slice(prefix.length)}</Link>
              ) : (
                <Button variant="inline-link" onClick={() => setSeen(each)}>
                  {each.Key.slice(prefix.length)}
                </Button>
              ),
          },
          { id: "size", header: "Size", cell: (each) => size(each.Size), sortingField: "Size" },
          { id: "changed", header: "Changed", cell: (each) => moment(each.LastModified) },
        ]}
      />
      {seen && (
        <Modal
          visible
          size="max"
          header={seen.Key.slice(prefix.length)}
          closeAriaLabel="Close"
          onDismiss={() => setSeen(undefined)}
          footer={<Button onClick={() => void download(bucket, seen.Key).catch(setError)}>Download</Button>}
        >
          <Preview bucket={bucket} name={seen.Key} size={seen.Size ?? 0} />
        </Modal>
      )}
    </SpaceBetween>
  );
}

async function download(bucket: string, key: string): Promise<void> {
  const { body } = await fetchBlob("s3", "GetObject", { Bucket: bucket, Key: key });
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(body), download: key.split("/").at(-1) });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
