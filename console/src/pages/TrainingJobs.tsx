import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { all } from "../api/client";
import { duration, moment, type Time } from "../parts/format";
import { Listing } from "../parts/Listing";
import { to } from "../parts/route";
import { Status } from "../parts/Status";
import { useLoaded } from "../parts/useLoaded";

interface Job {
  TrainingJobName: string;
  TrainingJobStatus: string;
  CreationTime: number;
  TrainingEndTime?: Time;
}

export function TrainingJobs() {
  const newest = { SortBy: "CreationTime", SortOrder: "Descending", MaxResults: 100 };
  const loaded = useLoaded(() => all<Job>("sagemaker", "ListTrainingJobs", "TrainingJobSummaries", newest), [], ["training-job"]);
  const create = (
    <Button variant="primary" href={to("create-training-job")}>
      Create training job
    </Button>
  );
  return (
    <Listing
      title="Training jobs"
      loaded={loaded}
      id={(job) => job.TrainingJobName}
      actions={create}
      teach={
        <SpaceBetween size="s">
          <b>Nothing was trained yet</b>
          <Box>A training job runs your script, or an algorithm, on data from S3, and puts the model back into S3.</Box>
          <Button href={to("create-training-job")}>Create training job</Button>
        </SpaceBetween>
      }
      columns={[
        { id: "name", header: "Name", cell: (job) => <Link href={to("training-jobs", job.TrainingJobName)}>{job.TrainingJobName}</Link>, sortingField: "TrainingJobName", isRowHeader: true },
        { id: "status", header: "Status", cell: (job) => <Status value={job.TrainingJobStatus} />, sortingField: "TrainingJobStatus" },
        { id: "created", header: "Created", cell: (job) => moment(job.CreationTime), sortingField: "CreationTime" },
        { id: "took", header: "Took", cell: (job) => (typeof job.TrainingEndTime === "number" ? duration(job.TrainingEndTime - job.CreationTime) : "–") },
      ]}
    />
  );
}
