import { isValidElement, lazy, type ComponentType, type ReactNode } from "react";
import type { Session } from "../api/client";
import type { Route } from "../parts/route";

const loads = new Map<unknown, () => Promise<unknown>>();

/** A page whose script is fetched when it is first looked at. */
function later<P>(load: () => Promise<ComponentType<P>>) {
  const page = lazy(async () => ({ default: await load() }));
  loads.set(page, load);
  return page;
}

/** Begin to fetch the script of a page that is likely to be shown soon. */
export function fetchAhead({ path, query }: Route): void {
  const nobody = { user: "", arn: "", account: "", region: "", role: "", version: "", proof: "" } as Session;
  const page = PAGES[path[0] ?? ""]?.({ path, query }, nobody);
  // What fails now fails again when it is wanted, and is told then.
  if (isValidElement(page)) void loads.get(page.type)?.().catch(() => undefined);
}

const CodeRepositories = later(async () => (await import("./CodeRepositories")).CodeRepositories);
const Compare = later(async () => (await import("./Compare")).Compare);
const Cost = later(async () => (await import("./Cost")).Cost);
const CreateBucket = later(async () => (await import("../forms/Bucket")).CreateBucket);
const CreateEndpoint = later(async () => (await import("../forms/Endpoint")).CreateEndpoint);
const CreateFeatureGroup = later(async () => (await import("../forms/FeatureGroup")).CreateFeatureGroup);
const CreateModel = later(async () => (await import("../forms/Model")).CreateModel);
const CreateNotebook = later(async () => (await import("../forms/Notebook")).CreateNotebook);
const CreateProcessingJob = later(async () => (await import("../forms/ProcessingJob")).CreateProcessingJob);
const CreateTrackingServer = later(async () => (await import("../forms/TrackingServer")).CreateTrackingServer);
const CreateTrainingJob = later(async () => (await import("../forms/TrainingJob")).CreateTrainingJob);
const CreateTransformJob = later(async () => (await import("../forms/TransformJob")).CreateTransformJob);
const CreateTuningJob = later(async () => (await import("../forms/TuningJob")).CreateTuningJob);
const Endpoint = later(async () => (await import("./Endpoint")).Endpoint);
const Endpoints = later(async () => (await import("./Endpoints")).Endpoints);
const Experiments = later(async () => (await import("./Experiments")).Experiments);
const FeatureGroup = later(async () => (await import("./FeatureGroup")).FeatureGroup);
const FeatureGroups = later(async () => (await import("./FeatureGroups")).FeatureGroups);
const Group = later(async () => (await import("./people/User")).Group);
const Groups = later(async () => (await import("./people/Users")).Groups);
const LifecycleConfig = later(async () => (await import("./LifecycleConfigs")).LifecycleConfig);
const LifecycleConfigs = later(async () => (await import("./LifecycleConfigs")).LifecycleConfigs);
const Logs = later(async () => (await import("./Logs")).Logs);
const Metrics = later(async () => (await import("./Metrics")).Metrics);
const MlflowServer = later(async () => (await import("./Mlflow")).MlflowServer);
const MlflowServers = later(async () => (await import("./Mlflow")).MlflowServers);
const Model = later(async () => (await import("./Model")).Model);
const Models = later(async () => (await import("./lists")).Models);
const Notebook = later(async () => (await import("./Notebook")).Notebook);
const Notebooks = later(async () => (await import("./lists")).Notebooks);
const Overview = later(async () => (await import("./Overview")).Overview);
const Policies = later(async () => (await import("./people/Policies")).Policies);
const Policy = later(async () => (await import("./people/Policies")).Policy);
const ProcessingJob = later(async () => (await import("./ProcessingJob")).ProcessingJob);
const ProcessingJobs = later(async () => (await import("./lists")).ProcessingJobs);
const Profile = later(async () => (await import("./people/Profile")).Profile);
const Queries = later(async () => (await import("./Queries")).Queries);
const Query = later(async () => (await import("./Query")).Query);
const Role = later(async () => (await import("./people/Roles")).Role);
const Roles = later(async () => (await import("./people/Roles")).Roles);
const Run = later(async () => (await import("./Run")).Run);
const Runs = later(async () => (await import("./Runs")).Runs);
const S3 = later(async () => (await import("./S3")).S3);
const Settings = later(async () => (await import("./Settings")).Settings);
const Simulator = later(async () => (await import("./people/Simulator")).Simulator);
const TrainingJob = later(async () => (await import("./TrainingJob")).TrainingJob);
const TrainingJobs = later(async () => (await import("./TrainingJobs")).TrainingJobs);
const TransformJob = later(async () => (await import("./TransformJob")).TransformJob);
const TransformJobs = later(async () => (await import("./lists")).TransformJobs);
const TuningJob = later(async () => (await import("./TuningJob")).TuningJob);
const TuningJobs = later(async () => (await import("./lists")).TuningJobs);
const User = later(async () => (await import("./people/User")).User);
const Users = later(async () => (await import("./people/Users")).Users);

/** What is shown, by the first part of the path. */
export const PAGES: Record<string, (route: Route, session: Session) => ReactNode> = {
  "": () => <Overview />,
  "sign-in": () => <Overview />,
  "training-jobs": ({ path, query }) =>
    path[1] ? <TrainingJob key={path[1]} name={path[1]} /> : <TrainingJobs key={query.get("status")} status={query.get("status") ?? undefined} />,
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
  users: ({ path }) => (path[1] ? <User key={path[1]} name={path[1]} /> : <Users />),
  groups: ({ path }) => (path[1] ? <Group key={path[1]} name={path[1]} /> : <Groups />),
  roles: ({ path }, session) => (path[1] ? <Role key={path[1]} name={path[1]} session={session} /> : <Roles account={session.account} />),
  policies: ({ path }) => (path[1] ? <Policy key={path[1]} arn={path[1]} /> : <Policies />),
  simulator: ({ query }) => <Simulator of={query.get("of") ?? undefined} />,
  profile: (_, session) => <Profile session={session} />,
  settings: (_, session) => <Settings session={session} />,
  cost: () => <Cost />,
  "create-training-job": ({ query }, { role }) => <CreateTrainingJob key={from(query)} role={role} from={from(query)} />,
  "create-tuning-job": ({ query }) => <CreateTuningJob key={from(query)} from={from(query)} />,
  "create-model": ({ query }, { role }) => <CreateModel key={from(query)} role={role} from={from(query)} />,
  "create-endpoint": ({ query }) => <CreateEndpoint key={query.get("model")} model={query.get("model") ?? undefined} />,
  "create-transform-job": ({ query }) => <CreateTransformJob key={query.get("model")} model={query.get("model") ?? undefined} />,
  "create-processing-job": (_, { role }) => <CreateProcessingJob role={role} />,
  "create-notebook": (_, { role }) => <CreateNotebook role={role} />,
  "create-feature-group": (_, { role }) => <CreateFeatureGroup role={role} />,
  "create-tracking-server": (_, { role }) => <CreateTrackingServer role={role} />,
  "create-bucket": (_, { region }) => <CreateBucket region={region} />,
};

/** The job that a form begins with. */
function from(query: URLSearchParams): string | undefined {
  return query.get("from") ?? undefined;
}
