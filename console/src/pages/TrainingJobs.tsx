import Box from "@cloudscape-design/components/box";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { Create } from "../parts/Create";
import { duration, moment, type Time } from "../parts/format";
import { JOB_STATUSES, Paged } from "../parts/Paged";
import { to } from "../parts/route";
import { Status } from "../parts/Status";

interface Job {
  TrainingJobName: string;
  TrainingJobStatus: string;
  CreationTime: number;
  TrainingEndTime?: Time;
}

export function TrainingJobs({ status }: { status?: string }) {
  return (
    <Paged<Job>
      title="Training jobs"
      operation="ListTrainingJobs"
      member="TrainingJobSummaries"
      statuses={JOB_STATUSES}
      status={status}
      kinds={["training-job"]}
      id={(job) => job.TrainingJobName}
      actions={<Create what="training job" page="create-training-job" />}
      teach={
        <SpaceBetween size="s">
          <b>Nothing was trained yet</b>
          <Box>A training job runs your script, or an algorithm, on data from S3, and puts the model back into S3.</Box>
          <Create what="training job" page="create-training-job" primary={false} />
        </SpaceBetween>
      }
      columns={[
        { id: "name", header: "Name", cell: (job) => <Link href={to("training-jobs", job.TrainingJobName)}>{job.TrainingJobName}</Link>, sortingField: "Name", minWidth: 180, isRowHeader: true },
        { id: "status", header: "Status", cell: (job) => <Status value={job.TrainingJobStatus} />, sortingField: "Status" },
        { id: "created", header: "Created", cell: (job) => moment(job.CreationTime), sortingField: "CreationTime" },
        { id: "took", header: "Took", cell: (job) => (typeof job.TrainingEndTime === "number" ? duration(job.TrainingEndTime - job.CreationTime) : "–") },
      ]}
    />
  );
}
