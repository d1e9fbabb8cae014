import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Link from "@cloudscape-design/components/link";
import { useState } from "react";
import { all, call } from "../api/client";
import { moment } from "../parts/format";
import { Failure } from "../parts/Failure";
import { Create } from "../parts/Create";
import { Listing } from "../parts/Listing";
import { to } from "../parts/route";
import { Status } from "../parts/Status";
import { useLoaded } from "../parts/useLoaded";

interface Tuning {
  HyperParameterTuningJobName: string;
  HyperParameterTuningJobStatus: string;
  Strategy: string;
  CreationTime: number;
  TrainingJobStatusCounters: { Completed: number; InProgress: number };
}

export function TuningJobs() {
  const loaded = useLoaded(
    () => all<Tuning>("sagemaker", "ListHyperParameterTuningJobs", "HyperParameterTuningJobSummaries", { MaxResults: 100 }),
    [],
    ["hyper-parameter-tuning-job"],
  );
  return (
    <Listing
      title="Tuning jobs"
      actions={<Create what="tuning job" page="create-tuning-job" />}
      loaded={loaded}
      id={(job) => job.HyperParameterTuningJobName}
      teach={<Box>No hyperparameters were searched yet. A tuning job starts training jobs, each with other hyperparameters, and tells the best: CreateHyperParameterTuningJob with an SDK.</Box>}
      columns={[
        { id: "name", header: "Name", cell: (job) => <Link href={to("tuning-jobs", job.HyperParameterTuningJobName)}>{job.HyperParameterTuningJobName}</Link>, isRowHeader: true, sortingField: "HyperParameterTuningJobName" },
        { id: "status", header: "Status", cell: (job) => <Status value={job.HyperParameterTuningJobStatus} />, sortingField: "HyperParameterTuningJobStatus" },
        { id: "strategy", header: "Strategy", cell: (job) => job.Strategy, sortingField: "Strategy" },
        { id: "done", header: "Training jobs completed", cell: (job) => job.TrainingJobStatusCounters.Completed },
        { id: "created", header: "Created", cell: (job) => moment(job.CreationTime), sortingField: "CreationTime" },
      ]}
    />
  );
}

interface Transform {
  TransformJobName: string;
  TransformJobStatus: string;
  CreationTime: number;
  FailureReason?: string;
}

export function TransformJobs() {
  const loaded = useLoaded(() => all<Transform>("sagemaker", "ListTransformJobs", "TransformJobSummaries", { MaxResults: 100 }), [], ["transform-job"]);
  return (
    <Listing
      title="Batch transform jobs"
      actions={<Create what="transform job" page="create-transform-job" />}
      loaded={loaded}
      id={(job) => job.TransformJobName}
      teach={<Box>No batch was transformed yet. A transform job asks a model about each object under a prefix of S3: CreateTransformJob with an SDK.</Box>}
      columns={[
        { id: "name", header: "Name", cell: (job) => job.TransformJobName, isRowHeader: true, sortingField: "TransformJobName" },
        { id: "status", header: "Status", cell: (job) => <Status value={job.TransformJobStatus} />, sortingField: "TransformJobStatus" },
        { id: "why", header: "Failure", cell: (job) => job.FailureReason ?? "–" },
        { id: "created", header: "Created", cell: (job) => moment(job.CreationTime), sortingField: "CreationTime" },
      ]}
    />
  );
}

interface Model {
  ModelName: string;
  ModelArn: string;
  CreationTime: number;
}

export function Models() {
  const loaded = useLoaded(() => all<Model>("sagemaker", "ListModels", "Models", { MaxResults: 100 }), [], ["model"]);
  return (
    <Listing
      title="Models"
      actions={<Create what="model" page="create-model" />}
      loaded={loaded}
      id={(model) => model.ModelName}
      teach={<Box>There are no models yet. A model is an image and what was trained: CreateModel with an SDK, or estimator.deploy().</Box>}
      columns={[
        { id: "name", header: "Name", cell: (model) => model.ModelName, isRowHeader: true, sortingField: "ModelName" },
        { id: "arn", header: "ARN", cell: (model) => model.ModelArn },
        { id: "created", header: "Created", cell: (model) => moment(model.CreationTime), sortingField: "CreationTime" },
      ]}
    />
  );
}

interface Processing {
  ProcessingJobName: string;
  ProcessingJobStatus: string;
  CreationTime: number;
  FailureReason?: string;
}

export function ProcessingJobs() {
  const loaded = useLoaded(() => all<Processing>("sagemaker", "ListProcessingJobs", "ProcessingJobSummaries", { MaxResults: 100 }), [], ["processing-job"]);
  return (
    <Listing
      title="Processing jobs"
      actions={<Create what="processing job" page="create-processing-job" />}
      loaded={loaded}
      id={(job) => job.ProcessingJobName}
      teach={<Box>Nothing was processed yet. A processing job runs a script over data from S3: CreateProcessingJob with an SDK.</Box>}
      columns={[
        { id: "name", header: "Name", cell: (job) => job.ProcessingJobName, isRowHeader: true, sortingField: "ProcessingJobName" },
        { id: "status", header: "Status", cell: (job) => <Status value={job.ProcessingJobStatus} />, sortingField: "ProcessingJobStatus" },
        { id: "why", header: "Failure", cell: (job) => job.FailureReason ?? "–" },
        { id: "created", header: "Created", cell: (job) => moment(job.CreationTime), sortingField: "CreationTime" },
      ]}
    />
  );
}

interface Instance {
  NotebookInstanceName: string;
  NotebookInstanceStatus: string;
  InstanceType: string;
  CreationTime: number;
}

export function Notebooks() {
  const loaded = useLoaded(() => all<Instance>("sagemaker", "ListNotebookInstances", "NotebookInstances", { MaxResults: 100 }), [], ["notebook-instance"]);
  const [error, setError] = useState<Error>();
  /** The address that is asked for holds once, so it is asked for when it is followed. */
  async function open(name: string): Promise<void> {
    const tab = window.open("about:blank");
    try {
      const params = { NotebookInstanceName: name };
      const { AuthorizedUrl } = await call<{ AuthorizedUrl: string }>("sagemaker", "CreatePresignedNotebookInstanceUrl", params);
      if (tab) tab.opener = null;
      if (tab) tab.location.href = AuthorizedUrl;
    } catch (failed) {
      tab?.close();
      setError(failed as Error);
    }
  }
  return (
    <>
      {error && <Failure error={error} />}
      <Listing
        title="Notebook instances"
        actions={<Create what="notebook instance" page="create-notebook" />}
        loaded={loaded}
        id={(each) => each.NotebookInstanceName}
        teach={<Box>There are no notebooks yet. A notebook instance is JupyterLab with a volume of its own: CreateNotebookInstance with an SDK.</Box>}
        columns={[
          { id: "name", header: "Name", cell: (each) => each.NotebookInstanceName, isRowHeader: true, sortingField: "NotebookInstanceName" },
          { id: "status", header: "Status", cell: (each) => <Status value={each.NotebookInstanceStatus} />, sortingField: "NotebookInstanceStatus" },
          { id: "type", header: "Instance type", cell: (each) => each.InstanceType },
          { id: "created", header: "Created", cell: (each) => moment(each.CreationTime), sortingField: "CreationTime" },
          {
            id: "open",
            header: "JupyterLab",
            cell: (each) => (
              <Button disabled={each.NotebookInstanceStatus !== "InService"} onClick={() => void open(each.NotebookInstanceName)} ariaLabel={`Open ${each.NotebookInstanceName}`}>
                Open
              </Button>
            ),
          },
        ]}
      />
    </>
  );
}
