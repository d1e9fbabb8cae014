import Box from "@cloudscape-design/components/box";
import BreadcrumbGroup from "@cloudscape-design/components/breadcrumb-group";
import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import Link from "@cloudscape-design/components/link";
import Pagination from "@cloudscape-design/components/pagination";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";
import TextFilter from "@cloudscape-design/components/text-filter";
import { useEffect, useRef, useState } from "react";
import { call, type Params } from "../api/client";
import { startUploads } from "../api/uploads";
import { Failure } from "../parts/Failure";
import { moment, size, type Time } from "../parts/format";
import { go, to } from "../parts/route";
import { Uploads } from "../parts/Uploads";
import { usePages } from "../parts/usePages";
import { DeleteObjects } from "./DeleteObjects";
import { S3Object, type Entry } from "./S3Object";

const SIZE = 50;

interface Answer {
  Contents?: (Entry & { LastModified?: Time })[];
  CommonPrefixes?: { Prefix: string }[];
  NextContinuationToken?: string;
}

/** What is directly below a prefix, a page at a time; what is typed narrows the prefix. */
export function Folder({ bucket, prefix }: { bucket: string; prefix: string }) {
  const [typed, setTyped] = useState("");
  const [start, setStart] = useState("");
  const [chosen, setChosen] = useState<Entry[]>([]);
  const [seen, setSeen] = useState<Entry>();
  const [deleting, setDeleting] = useState(false);
  const [error, setError] = useState<Error>();
  const { loaded, shown } = usePages<Entry>(
    async (token) => {
      const asked = { Bucket: bucket, Prefix: prefix + start, Delimiter: "/", MaxKeys: SIZE, ContinuationToken: token };
      const { Contents = [], CommonPrefixes = [], NextContinuationToken }: Answer = await call("s3", "ListObjectsV2", asked);
      const folders = CommonPrefixes.map((each): Entry => ({ Key: each.Prefix }));
      return { items: [...folders, ...Contents.filter((each) => each.Key !== prefix)], next: NextContinuationToken };
    },
    [bucket, prefix, start],
  );
  const parts = prefix.split("/").filter(Boolean);
  const crumbs = [
    { text: "Buckets", href: to("s3") },
    { text: bucket, href: to("s3", bucket) },
    ...parts.map((text, index) => ({ text, href: to("s3", bucket, `${parts.slice(0, index + 1).join("/")}/`) })),
  ];
  async function removeBucket(): Promise<void> {
    try {
      await call("s3", "DeleteBucket", { Bucket: bucket } satisfies Params);
      go("s3");
    } catch (failed) {
      setError(failed as Error);
    }
  }
  const up = (files: File[]) => startUploads(bucket, prefix, files);
  const items = loaded.value?.items ?? [];
  return (
    <SpaceBetween size="s">
      <BreadcrumbGroup items={crumbs} ariaLabel="Folders" />
      {(error ?? loaded.error) && <Failure error={(error ?? loaded.error)!} again={error ? undefined : loaded.again} />}
      <Uploads then={loaded.again} />
      <Drop then={up}>
        <Table
          variant="full-page"
          items={items}
          trackBy="Key"
          loading={loaded.value === undefined && !loaded.error}
          loadingText="Loading"
          selectionType="multi"
          selectedItems={chosen}
          onSelectionChange={({ detail }) => setChosen(detail.selectedItems)}
          empty={
            <Box textAlign="center" color="inherit" padding="l">
              {start ? "Nothing begins so." : <>Nothing is here yet. Upload files, drop them here, or aws s3 cp FILE s3://{bucket}/{prefix}</>}
            </Box>
          }
          header={
            <Header
              variant="awsui-h1-sticky"
              actions={
                <SpaceBetween direction="horizontal" size="xs">
                  {prefix === "" && items.length === 0 && loaded.value && !start && <Button onClick={() => void removeBucket()}>Delete bucket</Button>}
                  <Button disabled={!chosen.length} onClick={() => setDeleting(true)}>
                    Delete
                  </Button>
                  <Choose folder then={up} />
                  <Choose then={up} />
                </SpaceBetween>
              }
            >
              {parts.at(-1) ?? bucket}
            </Header>
          }
          filter={
            <TextFilter
              filteringText={typed}
              filteringPlaceholder="Names that begin with"
              filteringAriaLabel="Names that begin with"
              onChange={({ detail }) => setTyped(detail.filteringText)}
              onDelayedChange={({ detail }) => setStart(detail.filteringText)}
            />
          }
          pagination={<Pagination {...shown} ariaLabels={{ nextPageLabel: "Next page", previousPageLabel: "Previous page", pageLabel: (number) => `Page ${number}` }} />}
          ariaLabels={{
            tableLabel: "Objects",
            selectionGroupLabel: "What is chosen",
            allItemsSelectionLabel: () => "Choose all of this page",
            itemSelectionLabel: (_, each) => `Choose ${each.Key.slice(prefix.length)}`,
          }}
          columnDefinitions={[
            {
              id: "name",
              header: "Name",
              minWidth: 180,
              isRowHeader: true,
              cell: (each) =>
                each.Key.endsWith("/") ? (
                  <Link href={to("s3", bucket, each.Key)}>{each.Key.slice(prefix.length)}</Link>
                ) : (
                  <Button variant="inline-link" onClick={() => setSeen(each)}>
                    {each.Key.slice(prefix.length)}
                  </Button>
                ),
            },
            { id: "size", header: "Size", cell: (each) => size(each.Size) },
            { id: "changed", header: "Changed", cell: (each) => moment(each.LastModified) },
          ]}
        />
      </Drop>
      {seen && <S3Object bucket={bucket} entry={seen} close={() => setSeen(undefined)} />}
      {deleting && (
        <DeleteObjects
          bucket={bucket}
          entries={chosen}
          close={() => {
            setDeleting(false);
            setChosen([]);
            loaded.again();
          }}
        />
      )}
    </SpaceBetween>
  );
}

/** A button that lets one choose files, or a folder with all that is in it. */
function Choose({ folder = false, then }: { folder?: boolean; then: (files: File[]) => void }) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (input.current) input.current.webkitdirectory = folder;
  }, [folder]);
  const label = folder ? "Upload folder" : "Upload files";
  return (
    <>
      <Button variant={folder ? "normal" : "primary"} iconName="upload" onClick={() => input.current?.click()}>
        {label}
      </Button>
      <input
        ref={input}
        hidden
        type="file"
        multiple
        aria-label={label}
        onChange={({ target }) => {
          then([...(target.files ?? [])]);
          target.value = "";
        }}
      />
    </>
  );
}

/** Files may be dropped on what is inside. */
function Drop({ then, children }: { then: (files: File[]) => void; children: React.ReactNode }) {
  const [over, setOver] = useState(false);
  return (
    <div
      className={over ? "drop over" : "drop"}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(event.dataTransfer.types.includes("Files"));
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        // A folder that is dropped has no content here: its button takes it.
        then([...event.dataTransfer.items].filter((each) => each.webkitGetAsEntry()?.isFile).map((each) => each.getAsFile()!));
      }}
    >
      {children}
    </div>
  );
}
