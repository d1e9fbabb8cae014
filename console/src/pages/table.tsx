import type { ReactNode } from "react";
import type { Session } from "../api/client";
import type { Route } from "../parts/route";
import { Cost } from "./Cost";
import { CreateTrainingJob } from "./CreateTrainingJob";
import { Endpoint } from "./Endpoint";
import { Endpoints } from "./Endpoints";
import { Logs } from "./Logs";
import { Models, Notebooks, ProcessingJobs, TransformJobs, TuningJobs } from "./lists";
import { Overview } from "./Overview";
import { S3 } from "./S3";
import { TrainingJob } from "./TrainingJob";
import { TrainingJobs } from "./TrainingJobs";
import { TuningJob } from "./TuningJob";
import { Settings } from "./Settings";
import { Policies, Policy } from "./people/Policies";
import { Profile } from "./people/Profile";
import { Role, Roles } from "./people/Roles";
import { Simulator } from "./people/Simulator";
import { Group, User } from "./people/User";
import { Groups, Users } from "./people/Users";

/** What is shown, by the first part of the path. */
export const PAGES: Record<string, (route: Route, session: Session) => ReactNode> = {
  "": () => <Overview />,
  "sign-in": () => <Overview />,
  "training-jobs": ({ path }) => (path[1] ? <TrainingJob key={path[1]} name={path[1]} /> : <TrainingJobs />),
  "create-training-job": ({ query }, { role }) => <CreateTrainingJob role={role} from={query.get("from") ?? undefined} />,
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
  settings: (_, session) => <Settings session={session} />,
  cost: () => <Cost />,
};
