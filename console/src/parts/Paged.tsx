import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import Pagination from "@cloudscape-design/components/pagination";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table, { type TableProps } from "@cloudscape-design/components/table";
import TextFilter from "@cloudscape-design/components/text-filter";
import { useState, type ReactNode } from "react";
import { call, type Params } from "../api/client";
import { Failure } from "./Failure";
import { usePages } from "./usePages";

interface Props<T> {
  title: string;
  /** The operation that lists, and the member of its answer with the things. */
  operation: string;
  member: string;
  /** Columns whose `sortingField` the operation sorts by (its SortBy) can be sorted. */
  columns: TableProps.ColumnDefinition<T>[];
  id: (item: T) => string;
  /** What StatusEquals takes; nothing where there is no such member. */
  statuses?: string[];
  /** The status to begin with. */
  status?: string;
  kinds: string[];
  teach: ReactNode;
  actions?: ReactNode;
}

export const JOB_STATUSES = ["InProgress", "Completed", "Failed", "Stopping", "Stopped"];

const SIZE = 20;
const ALL = { value: "", label: "Any status" };

/** A table of which the server keeps the order, finds what matches, and gives a page at a time: for what there may be very many of. */
export function Paged<T>({ title, operation, member, columns, id, statuses = [], status = "", kinds, teach, actions }: Props<T>) {
  const [typed, setTyped] = useState("");
  const [text, setText] = useState("");
  const [wanted, setWanted] = useState(status);
  const [sorting, setSorting] = useState<TableProps.SortingState<T>>({ sortingColumn: { sortingField: "CreationTime" }, isDescending: true });
  const { loaded, shown } = usePages<T>(
    async (token) => {
      const answer: Params = await call("sagemaker", operation, {
        MaxResults: SIZE,
        SortBy: sorting.sortingColumn.sortingField,
        SortOrder: sorting.isDescending ? "Descending" : "Ascending",
        NextToken: token,
        ...(text && { NameContains: text }),
        ...(wanted && { StatusEquals: wanted }),
      });
      return { items: answer[member] as T[], next: answer["NextToken"] as string | undefined };
    },
    [text, wanted, sorting.sortingColumn.sortingField, sorting.isDescending],
    kinds,
  );
  if (loaded.error && !loaded.value) return <Failure error={loaded.error} again={loaded.again} />;
  const narrowed = text !== "" || wanted !== "";
  const showAll = () => {
    setTyped("");
    setText("");
    setWanted("");
  };
  const options = [ALL, ...statuses.map((value) => ({ value, label: value }))];
  return (
    <SpaceBetween size="s">
      {loaded.error && <Failure error={loaded.error} again={loaded.again} />}
      <Table
        variant="full-page"
        items={loaded.value?.items ?? []}
        columnDefinitions={columns}
        trackBy={id}
        loading={loaded.value === undefined}
        loadingText="Loading"
        sortingColumn={sorting.sortingColumn}
        sortingDescending={sorting.isDescending ?? false}
        onSortingChange={({ detail }) => setSorting(detail)}
        empty={
          <Box textAlign="center" color="inherit" padding="l">
            {narrowed ? (
              <SpaceBetween size="s">
                <span>Nothing matches.</span>
                <Button onClick={showAll}>Show all</Button>
              </SpaceBetween>
            ) : (
              teach
            )}
          </Box>
        }
        header={
          <Header variant="awsui-h1-sticky" actions={actions}>
            {title}
          </Header>
        }
        filter={
          <div className="filters">
            <TextFilter
              filteringText={typed}
              onChange={({ detail }) => setTyped(detail.filteringText)}
              onDelayedChange={({ detail }) => setText(detail.filteringText)}
              filteringPlaceholder="Find by name"
              filteringAriaLabel={`Find in ${title}`}
            />
            {statuses.length > 0 && (
              <Select
                selectedOption={options.find((each) => each.value === wanted)!}
                options={options}
                ariaLabel="Status"
                onChange={({ detail }) => setWanted(detail.selectedOption.value!)}
              />
            )}
          </div>
        }
        pagination={
          <Pagination {...shown} ariaLabels={{ nextPageLabel: "Next page", previousPageLabel: "Previous page", pageLabel: (number) => `Page ${number}` }} />
        }
        ariaLabels={{ tableLabel: title }}
      />
    </SpaceBetween>
  );
}
