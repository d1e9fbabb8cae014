import Box from "@cloudscape-design/components/box";
import Header from "@cloudscape-design/components/header";
import Table, { type TableProps } from "@cloudscape-design/components/table";
import type { ReactNode } from "react";
import { Failure } from "../../parts/Failure";
import type { Loaded } from "../../parts/useLoaded";

interface Props<T> {
  title: string;
  loaded: Loaded<T[]>;
  columns: TableProps.ColumnDefinition<T>[];
  id: (item: T) => string;
  empty: string;
  actions?: ReactNode;
  description?: ReactNode;
}

/** A short table as a part of a page. */
export function Panel<T>({ title, loaded, columns, id, empty, actions, description }: Props<T>) {
  if (loaded.error && !loaded.value) return <Failure error={loaded.error} again={loaded.again} />;
  return (
    <Table
      header={
        <Header variant="h2" counter={loaded.value && `(${loaded.value.length})`} actions={actions} description={description}>
          {title}
        </Header>
      }
      items={loaded.value ?? []}
      loading={loaded.loading && !loaded.value}
      loadingText="Loading"
      columnDefinitions={columns}
      trackBy={id}
      ariaLabels={{ tableLabel: title }}
      empty={<Box color="text-status-inactive">{empty}</Box>}
    />
  );
}
