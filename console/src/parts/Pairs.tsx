import Header from "@cloudscape-design/components/header";
import Table from "@cloudscape-design/components/table";

/** Names and values, a row each. */
export function Pairs({ title, of, empty = "There are none." }: { title: string; of: Record<string, string | number>; empty?: string }) {
  return (
    <Table
      variant="borderless"
      header={<Header variant="h3">{title}</Header>}
      items={Object.entries(of)}
      empty={empty}
      wrapLines
      columnDefinitions={[
        { id: "name", header: "Name", minWidth: 120, cell: ([name]) => <span className="name">{name}</span>, isRowHeader: true },
        { id: "value", header: "Value", minWidth: 160, cell: ([, value]) => <span className="name">{value}</span> },
      ]}
    />
  );
}
