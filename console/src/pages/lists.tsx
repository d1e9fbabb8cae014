import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Link from "@cloudscape-design/components/link";
import { all, defaultRole } from "../api/client";
import { moment } from "../parts/format";
import { useAct } from "../parts/Detail";
import { Failure } from "../parts/Failure";
import { Create } from "../parts/Create";
import { Listing } from "../parts/Listing";
import { to } from "../parts/route";
import { Status } from "../parts/Status";
import { Teach } from "../parts/Teach";
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
        { id: "name", header: "Name", cell: (job) => <Link href={to("transform-jobs", job.TransformJobName)}>{job.TransformJobName}</Link>, isRowHeader: true, sortingField: "TransformJobName" },
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
        { id: "name", header: "Name", cell: (model) => <Link href={to("models", model.ModelName)}>{model.ModelName}</Link>, isRowHeader: true, sortingField: "ModelName" },
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
        { id: "name", header: "Name", cell: (job) => <Link href={to("processing-jobs", job.ProcessingJobName)}>{job.ProcessingJobName}</Link>, isRowHeader: true, sortingField: "ProcessingJobName" },
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
  const { open, error } = useAct();
  return (
    <>
      {error && <Failure error={error} />}
      <Listing
        title="Notebook instances"
        actions={<Create what="notebook instance" page="create-notebook" />}
        loaded={loaded}
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
          { id: "name", header: "Name", cell: (each) => <Link href={to("notebooks", each.NotebookInstanceName)}>{each.NotebookInstanceName}</Link>, isRowHeader: true, sortingField: "NotebookInstanceName" },
          { id: "status", header: "Status", cell: (each) => <Status value={each.NotebookInstanceStatus} />, sortingField: "NotebookInstanceStatus" },
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
