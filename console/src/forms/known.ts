// What forms offer to choose from.

import { all, call } from "../api/client";

const REGISTRY = "683313688378.dkr.ecr.us-east-1.amazonaws.com";
const FRAMEWORKS = "763104351884.dkr.ecr.us-east-1.amazonaws.com";

/** The image that a form begins with. */
export const SKLEARN = `${REGISTRY}/sagemaker-scikit-learn:1.2-1-cpu-py3`;

/** Some of the images that are answered; any other may be typed. */
export const TRAINING_IMAGES = [
  SKLEARN,
  `${REGISTRY}/sagemaker-xgboost:1.7-1`,
  `${FRAMEWORKS}/pytorch-training:2.3.0-cpu-py311`,
  `${FRAMEWORKS}/tensorflow-training:2.14.1-cpu-py310`,
  `${FRAMEWORKS}/huggingface-pytorch-training:2.1.0-transformers4.36.0-gpu-py310`,
];
export const INFERENCE_IMAGES = [
  SKLEARN,
  `${REGISTRY}/sagemaker-xgboost:1.7-1`,
  `${FRAMEWORKS}/pytorch-inference:2.3.0-cpu-py311`,
  `${FRAMEWORKS}/tensorflow-inference:2.14.1-cpu`,
  `${FRAMEWORKS}/huggingface-pytorch-inference:2.1.0-transformers4.37.0-cpu-py310`,
];

export const INSTANCES = ["ml.m5.large", "ml.m5.xlarge", "ml.m5.2xlarge", "ml.c5.xlarge", "ml.c5.2xlarge", "ml.r5.large", "ml.g4dn.xlarge", "ml.g5.xlarge"];
export const NOTEBOOK_INSTANCES = ["ml.t3.medium", "ml.t3.large", "ml.m5.large", "ml.m5.xlarge", "ml.g4dn.xlarge"];

/** Models to choose from; none for who may not list them. */
export async function models(): Promise<string[]> {
  const newest = { SortBy: "CreationTime", SortOrder: "Descending", MaxResults: 100 };
  const found = await call<{ Models: { ModelName: string }[] }>("sagemaker", "ListModels", newest).catch(() => ({ Models: [] }));
  return found.Models.map((each) => each.ModelName);
}

/** Roles that SageMaker may take. */
export async function roles(): Promise<string[]> {
  const found = await all<{ Arn: string; AssumeRolePolicyDocument?: string }>("iam", "ListRoles", "Roles", {}, ["Marker", "Marker"]).catch(() => []);
  return found.filter((each) => decodeURIComponent(each.AssumeRolePolicyDocument ?? "").includes("sagemaker")).map((each) => each.Arn);
}

/** The address of a folder in the first bucket; empty where there is none. */
export async function folder(name: string): Promise<string> {
  const found = await call<{ Buckets?: { Name: string }[] }>("s3", "ListBuckets").catch(() => ({ Buckets: [] }));
  return found.Buckets?.[0] ? `s3://${found.Buckets[0].Name}/${name}/` : "";
}

/** Completed training jobs, the newest first. */
export async function completedJobs(): Promise<string[]> {
  const newest = { SortBy: "CreationTime", SortOrder: "Descending", StatusEquals: "Completed", MaxResults: 50 };
  const found = await call<{ TrainingJobSummaries: { TrainingJobName: string }[] }>("sagemaker", "ListTrainingJobs", newest).catch(() => ({ TrainingJobSummaries: [] }));
  return found.TrainingJobSummaries.map((each) => each.TrainingJobName);
}
