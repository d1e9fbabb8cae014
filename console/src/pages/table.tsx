import { lazy, type ComponentType, type ReactNode } from "react";
import type { Session } from "../api/client";
import type { Route } from "../parts/route";

/** A page whose script is fetched when it is first looked at. */
function later<P>(load: () => Promise<ComponentType<P>>) {
  return lazy(async () => ({ default: await load() }));
}

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
const Logs = later(async () => (await import("./Logs")).Logs);
const Models = later(async () => (await import("./lists")).Models);
const Notebooks = later(async () => (await import("./lists")).Notebooks);
const Overview = later(async () => (await import("./Overview")).Overview);
const ProcessingJobs = later(async () => (await import("./lists")).ProcessingJobs);
const S3 = later(async () => (await import("./S3")).S3);
const TrainingJob = later(async () => (await import("./TrainingJob")).TrainingJob);
const TrainingJobs = later(async () => (await import("./TrainingJobs")).TrainingJobs);
const TransformJobs = later(async () => (await import("./lists")).TransformJobs);
const TuningJob = later(async () => (await import("./TuningJob")).TuningJob);
const TuningJobs = later(async () => (await import("./lists")).TuningJobs);
const Group = later(async () => (await import("./people/User")).Group);
const Groups = later(async () => (await import("./people/Users")).Groups);
const Policies = later(async () => (await import("./people/Policies")).Policies);
const Policy = later(async () => (await import("./people/Policies")).Policy);
const Profile = later(async () => (await import("./people/Profile")).Profile);
const Role = later(async () => (await import("./people/Roles")).Role);
const Roles = later(async () => (await import("./people/Roles")).Roles);
const Settings = later(async () => (await import("./Settings")).Settings);
const Simulator = later(async () => (await import("./people/Simulator")).Simulator);
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
  "transform-jobs": () => <TransformJobs />,
  notebooks: () => <Notebooks />,
  "processing-jobs": () => <ProcessingJobs />,
  models: () => <Models />,
  s3: ({ path }) => <S3 bucket={path[1]} prefix={path[2] ?? ""} />,
  logs: ({ path }) => <Logs group={path[1]} stream={path[2]} />,
  users: ({ path }) => (path[1] ? <User key={path[1]} name={path[1]} /> : <Users />),
  groups: ({ path }) => (path[1] ? <Group key={path[1]} name={path[1]} /> : <Groups />),
  roles: ({ path }, session) => (path[1] ? <Role key={path[1]} name={path[1]} session={session} /> : <Roles account={session.account} />),
  policies: ({ path }) => (path[1] ? <Policy key={path[1]} arn={path[1]} /> : <Policies />),
  simulator: ({ query }) => <Simulator of={query.get("of") ?? undefined} />,
  profile: (_, session) => <Profile session={session} />,
  settings: () => <Settings />,
  cost: () => <Cost />,
  "create-training-job": ({ query }, { role }) => <CreateTrainingJob key={from(query)} role={role} from={from(query)} />,
  "create-tuning-job": ({ query }) => <CreateTuningJob key={from(query)} from={from(query)} />,
  "create-model": ({ query }, { role }) => <CreateModel key={from(query)} role={role} from={from(query)} />,
  "create-endpoint": ({ query }) => <CreateEndpoint key={from(query)} model={from(query)} />,
  "create-transform-job": ({ query }) => <CreateTransformJob key={from(query)} model={from(query)} />,
  "create-processing-job": (_, { role }) => <CreateProcessingJob role={role} />,
  "create-notebook": (_, { role }) => <CreateNotebook role={role} />,
  "create-feature-group": (_, { role }) => <CreateFeatureGroup role={role} />,
  "create-tracking-server": (_, { role }) => <CreateTrackingServer role={role} />,
  "create-bucket": (_, { region }) => <CreateBucket region={region} />,
};

/** What a form begins with: the name of a job or of a model. */
function from(query: URLSearchParams): string | undefined {
  return query.get("from") ?? undefined;
}
