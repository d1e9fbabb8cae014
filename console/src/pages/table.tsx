import type { ReactNode } from "react";
import type { Session } from "../api/client";
import type { Route } from "../parts/route";
import { CodeRepositories } from "./CodeRepositories";
import { Compare } from "./Compare";
import { Cost } from "./Cost";
import { CreateTrainingJob } from "./CreateTrainingJob";
import { Endpoint } from "./Endpoint";
import { Endpoints } from "./Endpoints";
import { Experiments } from "./Experiments";
import { FeatureGroup } from "./FeatureGroup";
import { FeatureGroups } from "./FeatureGroups";
import { LifecycleConfig, LifecycleConfigs } from "./LifecycleConfigs";
import { Logs } from "./Logs";
import { Models, Notebooks, ProcessingJobs, TransformJobs, TuningJobs } from "./lists";
import { Metrics } from "./Metrics";
import { MlflowServer, MlflowServers } from "./Mlflow";
import { Model } from "./Model";
import { Notebook } from "./Notebook";
import { Overview } from "./Overview";
import { ProcessingJob } from "./ProcessingJob";
import { Queries } from "./Queries";
import { Query } from "./Query";
import { Run } from "./Run";
import { Runs } from "./Runs";
import { S3 } from "./S3";
import { TrainingJob } from "./TrainingJob";
import { TrainingJobs } from "./TrainingJobs";
import { TransformJob } from "./TransformJob";
import { TuningJob } from "./TuningJob";
import { Users } from "./Users";

/** What is shown, by the first part of the path. */
export const PAGES: Record<string, (route: Route, session: Session) => ReactNode> = {
  "": () => <Overview />,
  "sign-in": () => <Overview />,
  "training-jobs": ({ path }) => (path[1] ? <TrainingJob key={path[1]} name={path[1]} /> : <TrainingJobs />),
  "create-training-job": ({ query }, { role }) => <CreateTrainingJob role={role} from={query.get("from") ?? undefined} />,
  "tuning-jobs": ({ path }) => (path[1] ? <TuningJob key={path[1]} name={path[1]} /> : <TuningJobs />),
  endpoints: ({ path }) => (path[1] ? <Endpoint key={path[1]} name={path[1]} /> : <Endpoints />),
  "transform-jobs": ({ path }) => (path[1] ? <TransformJob key={path[1]} name={path[1]} /> : <TransformJobs />),
  notebooks: ({ path }) => (path[1] ? <Notebook key={path[1]} name={path[1]} /> : <Notebooks />),
  "lifecycle-configs": ({ path }) => (path[1] ? <LifecycleConfig key={path[1]} name={path[1]} /> : <LifecycleConfigs />),
  "code-repositories": () => <CodeRepositories />,
  "processing-jobs": ({ path }) => (path[1] ? <ProcessingJob key={path[1]} name={path[1]} /> : <ProcessingJobs />),
  models: ({ path }) => (path[1] ? <Model key={path[1]} name={path[1]} /> : <Models />),
  "feature-groups": ({ path }) => (path[1] ? <FeatureGroup key={path[1]} name={path[1]} /> : <FeatureGroups />),
  mlflow: ({ path }) => (path[1] ? <MlflowServer key={path[1]} name={path[1]} /> : <MlflowServers />),
  experiments: ({ path }) => (path[1] ? <Runs key={path[1]} experiment={path[1]} /> : <Experiments />),
  runs: ({ path }) => (path[1] ? <Run key={path[1]} name={path[1]} /> : <Runs />),
  compare: ({ query }) => <Compare names={query.getAll("run")} />,
  metrics: ({ query }) => <Metrics namespace={query.get("namespace") ?? ""} dimensions={query.get("dimensions") ?? ""} />,
  athena: ({ path, query }) =>
    path[1] ? <Query key={path[1]} id={path[1]} /> : <Queries database={query.get("database") ?? "default"} table={query.get("table") ?? undefined} />,
  s3: ({ path }) => <S3 bucket={path[1]} prefix={path[2] ?? ""} />,
  logs: ({ path }) => <Logs group={path[1]} stream={path[2]} />,
  users: () => <Users />,
  cost: () => <Cost />,
};
