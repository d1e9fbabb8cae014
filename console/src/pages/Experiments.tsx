import Button from "@cloudscape-design/components/button";
import Link from "@cloudscape-design/components/link";
import { all } from "../api/client";
import { moment } from "../parts/format";
import { Listing } from "../parts/Listing";
import { to } from "../parts/route";
import { Teach } from "../parts/Teach";
import { useLoaded } from "../parts/useLoaded";

interface Experiment {
  ExperimentName: string;
  DisplayName?: string;
  CreationTime: number;
  LastModifiedTime: number;
}

export function Experiments() {
  const loaded = useLoaded(() => all<Experiment>("sagemaker", "ListExperiments", "ExperimentSummaries", { MaxResults: 100, SortBy: "CreationTime", SortOrder: "Descending" }), [], ["experiment"]);
  return (
    <Listing
      title="Experiments"
      description="Each training, processing and transform job is a run, in an experiment or in none."
      loaded={loaded}
      id={(each) => each.ExperimentName}
      actions={<Button href={to("runs")}>All runs</Button>}
      teach={
        <Teach title="There are no experiments yet." operation="CreateExperiment" params={{ ExperimentName: "prices" }}>
          An experiment gathers runs that are compared. A job joins one by its ExperimentConfig; Run(experiment_name="prices") of the SDK makes both by itself.
        </Teach>
      }
      columns={[
        { id: "name", header: "Name", cell: (each) => <Link href={to("experiments", each.ExperimentName)}>{each.ExperimentName}</Link>, isRowHeader: true, sortingField: "ExperimentName" },
        { id: "display", header: "Display name", cell: (each) => each.DisplayName ?? "–", sortingField: "DisplayName" },
        { id: "created", header: "Created", cell: (each) => moment(each.CreationTime), sortingField: "CreationTime" },
        { id: "changed", header: "Changed", cell: (each) => moment(each.LastModifiedTime), sortingField: "LastModifiedTime" },
      ]}
    />
  );
}
