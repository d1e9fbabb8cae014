import { useCollection } from "@cloudscape-design/collection-hooks";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import Pagination from "@cloudscape-design/components/pagination";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table, { type TableProps } from "@cloudscape-design/components/table";
import TextFilter from "@cloudscape-design/components/text-filter";
import type { ReactNode } from "react";
import { Failure } from "./Failure";
import type { Loaded } from "./useLoaded";

interface Props<T> {
  title: string;
  loaded: Loaded<T[]>;
  columns: TableProps.ColumnDefinition<T>[];
  /** What tells one row from another. */
  id: (item: T) => string;
  /** What to do where there is nothing yet. */
  teach: ReactNode;
  actions?: ReactNode;
  description?: ReactNode;
}

/** A table of everything of a kind: searched, sorted and paged here. */
export function Listing<T>({ title, loaded, columns, id, teach, actions, description }: Props<T>) {
  const { items, collectionProps, filterProps, paginationProps, actions: collection } = useCollection(loaded.value ?? [], {
    filtering: {
      filteringFunction: (item, text) => JSON.stringify(item).toLowerCase().includes(text.toLowerCase()),
      empty: (
        <Box textAlign="center" color="inherit" padding="l">
          {teach}
        </Box>
      ),
      noMatch: (
        <Box textAlign="center" padding="l">
          <SpaceBetween size="s">
            <span>Nothing matches.</span>
            <Button onClick={() => collection.setFiltering("")}>Show all</Button>
          </SpaceBetween>
        </Box>
      ),
    },
    pagination: { pageSize: 20 },
    sorting: {},
  });
  if (loaded.error && !loaded.value) return <Failure error={loaded.error} again={loaded.again} />;
  const counter = loaded.value === undefined ? undefined : `(${loaded.value.length})`;
  return (
    <Table
      {...collectionProps}
      variant="full-page"
      items={items}
      columnDefinitions={columns}
      trackBy={id}
      loading={loaded.loading && !loaded.value}
      loadingText="Loading"
      header={
        <Header variant="awsui-h1-sticky" counter={counter} description={description} actions={actions}>
          {title}
        </Header>
      }
      filter={<TextFilter {...filterProps} filteringPlaceholder={`Find in ${title.toLowerCase()}`} filteringAriaLabel={`Find in ${title}`} />}
      pagination={<Pagination {...paginationProps} ariaLabels={{ nextPageLabel: "Next page", previousPageLabel: "Previous page" }} />}
      ariaLabels={{ tableLabel: title }}
    />
  );
}
