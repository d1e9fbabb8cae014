import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Link from "@cloudscape-design/components/link";
import { defaultRole } from "../api/client";
import { moment } from "../parts/format";
import { useAct } from "../parts/Detail";
import { Failure } from "../parts/Failure";
import { Create } from "../parts/Create";
import { JOB_STATUSES, Paged } from "../parts/Paged";
import { to } from "../parts/route";
import { Status } from "../parts/Status";
import { Teach } from "../parts/Teach";

interface Tuning {
  HyperParameterTuningJobName: string;
  HyperParameterTuningJobStatus: string;
  Strategy: string;
  CreationTime: number;
  TrainingJobStatusCounters: { Completed: number; InProgress: number };
}

export function TuningJobs() {
  return (
    <Paged<Tuning>
      title="Tuning jobs"
      actions={<Create what="tuning job" page="create-tuning-job" />}
      operation="ListHyperParameterTuningJobs"
      member="HyperParameterTuningJobSummaries"
      statuses={JOB_STATUSES}
      kinds={["hyper-parameter-tuning-job"]}
      id={(job) => job.HyperParameterTuningJobName}
      teach={<Box>No hyperparameters were searched yet. A tuning job starts training jobs, each with other hyperparameters, and tells the best: CreateHyperParameterTuningJob with an SDK.</Box>}
      columns={[
        { id: "name", header: "Name", cell: (job) => <Link href={to("tuning-jobs", job.HyperParameterTuningJobName)}>{job.HyperParameterTuningJobName}</Link>, minWidth: 180, isRowHeader: true, sortingField: "Name" },
        { id: "status", header: "Status", cell: (job) => <Status value={job.HyperParameterTuningJobStatus} />, sortingField: "Status" },
        { id: "strategy", header: "Strategy", cell: (job) => job.Strategy },
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
  return (
    <Paged<Transform>
      title="Batch transform jobs"
      actions={<Create what="transform job" page="create-transform-job" />}
      operation="ListTransformJobs"
      member="TransformJobSummaries"
      statuses={JOB_STATUSES}
      kinds={["transform-job"]}
      id={(job) => job.TransformJobName}
      teach={
        <Teach
          title="No batch was transformed yet."
          operation="CreateTransformJob"
          params={{
            TransformJobName: "houses-of-may",
            ModelName: "houses",
            TransformInput: { DataSource: { S3DataSource: { S3DataType: "S3Prefix", S3Uri: "s3://bucket/may/" } }, ContentType: "text/csv", SplitType: "Line" },
            TransformOutput: { S3OutputPath: "s3://bucket/predictions/", AssembleWith: "Line" },
            TransformResources: { InstanceType: "ml.m5.large", InstanceCount: 1 },
          }}
        >
          A transform job asks a model about each object below an address in S3, and ends.
        </Teach>
      }
      columns={[
        { id: "name", header: "Name", cell: (job) => <Link href={to("transform-jobs", job.TransformJobName)}>{job.TransformJobName}</Link>, minWidth: 180, isRowHeader: true, sortingField: "Name" },
        { id: "status", header: "Status", cell: (job) => <Status value={job.TransformJobStatus} />, sortingField: "Status" },
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
  return (
    <Paged<Model>
      title="Models"
      actions={<Create what="model" page="create-model" />}
      operation="ListModels"
      member="Models"
      kinds={["model"]}
      id={(model) => model.ModelName}
      teach={
        <Teach
          title="There are no models yet."
          operation="CreateModel"
          params={{
            ModelName: "houses",
            PrimaryContainer: { Image: "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3", ModelDataUrl: "s3://bucket/jobs/houses/output/model.tar.gz" },
            ExecutionRoleArn: defaultRole(),
          }}
        >
          A model is an image and what was trained. Endpoints and transform jobs serve it; estimator.deploy() of the SDK makes one by itself.
        </Teach>
      }
      columns={[
        { id: "name", header: "Name", cell: (model) => <Link href={to("models", model.ModelName)}>{model.ModelName}</Link>, minWidth: 180, isRowHeader: true, sortingField: "Name" },
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
  return (
    <Paged<Processing>
      title="Processing jobs"
      actions={<Create what="processing job" page="create-processing-job" />}
      operation="ListProcessingJobs"
      member="ProcessingJobSummaries"
      statuses={JOB_STATUSES}
      kinds={["processing-job"]}
      id={(job) => job.ProcessingJobName}
      teach={
        <Teach
          title="Nothing was processed yet."
          operation="CreateProcessingJob"
          params={{
            ProcessingJobName: "prepare-houses",
            AppSpecification: {
              ImageUri: "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3",
              ContainerEntrypoint: ["python3", "/opt/ml/processing/input/code/prepare.py"],
            },
            ProcessingInputs: [
              { InputName: "code", S3Input: { S3Uri: "s3://bucket/code/prepare.py", LocalPath: "/opt/ml/processing/input/code", S3DataType: "S3Prefix", S3InputMode: "File" } },
            ],
            ProcessingResources: { ClusterConfig: { InstanceType: "ml.m5.large", InstanceCount: 1, VolumeSizeInGB: 1 } },
            RoleArn: defaultRole(),
          }}
        >
          A processing job runs a script over data from S3 and puts what it writes back there.
        </Teach>
      }
      columns={[
        { id: "name", header: "Name", cell: (job) => <Link href={to("processing-jobs", job.ProcessingJobName)}>{job.ProcessingJobName}</Link>, minWidth: 180, isRowHeader: true, sortingField: "Name" },
        { id: "status", header: "Status", cell: (job) => <Status value={job.ProcessingJobStatus} />, sortingField: "Status" },
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
  const { open, error } = useAct();
  return (
    <>
      {error && <Failure error={error} />}
      <Paged<Instance>
        title="Notebook instances"
        actions={<Create what="notebook instance" page="create-notebook" />}
        operation="ListNotebookInstances"
        member="NotebookInstances"
        statuses={["Pending", "InService", "Stopping", "Stopped", "Failed", "Deleting", "Updating"]}
        kinds={["notebook-instance"]}
        id={(each) => each.NotebookInstanceName}
        teach={
          <Teach
            title="There are no notebooks yet."
            operation="CreateNotebookInstance"
            params={{
              NotebookInstanceName: "lab",
              InstanceType: "ml.t3.medium",
              RoleArn: defaultRole(),
            }}
          >
            A notebook instance is JupyterLab with a volume of its own.
          </Teach>
        }
        columns={[
          { id: "name", header: "Name", cell: (each) => <Link href={to("notebooks", each.NotebookInstanceName)}>{each.NotebookInstanceName}</Link>, minWidth: 180, isRowHeader: true, sortingField: "Name" },
          { id: "status", header: "Status", cell: (each) => <Status value={each.NotebookInstanceStatus} />, sortingField: "Status" },
          { id: "type", header: "Instance type", cell: (each) => each.InstanceType },
          { id: "created", header: "Created", cell: (each) => moment(each.CreationTime), sortingField: "CreationTime" },
          {
            id: "open",
            header: "JupyterLab",
            cell: (each) => (
              <Button disabled={each.NotebookInstanceStatus !== "InService"} onClick={() => void open("CreatePresignedNotebookInstanceUrl", { NotebookInstanceName: each.NotebookInstanceName })} ariaLabel={`Open ${each.NotebookInstanceName}`}>
                Open
              </Button>
            ),
          },
        ]}
      />
    </>
  );
}
