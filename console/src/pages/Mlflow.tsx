import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { all, call, defaultRole } from "../api/client";
import { Create } from "../parts/Create";
import { Detail, useAct } from "../parts/Detail";
import { Failure } from "../parts/Failure";
import { moment } from "../parts/format";
import { Listing } from "../parts/Listing";
import { to } from "../parts/route";
import { S3Link } from "../parts/S3Link";
import { Status } from "../parts/Status";
import { Streams } from "../parts/Streams";
import { Teach } from "../parts/Teach";
import { useLoaded } from "../parts/useLoaded";

interface Summary {
  TrackingServerName: string;
  TrackingServerStatus: string;
  MlflowVersion: string;
  CreationTime: number;
}
interface App {
  Arn: string;
  Name: string;
  Status: string;
  MlflowVersion: string;
  CreationTime: number;
}
interface Server extends Summary {
  TrackingServerArn: string;
  ArtifactStoreUri: string;
  TrackingServerSize: string;
  RoleArn: string;
  AutomaticModelRegistration: boolean;
}

const [SERVER, APP] = ["mlflow-tracking-server", "mlflow-app"];
const RUNS = ["Created", "Started", "Updated"];
const AT_REST = ["Stopped", "CreateFailed", "StartFailed", "UpdateFailed"];

/** MLflow's tracking servers, and its apps where there are any. */
export function MlflowServers() {
  const servers = useLoaded(() => all<Summary>("sagemaker", "ListMlflowTrackingServers", "TrackingServerSummaries", { MaxResults: 100 }), [], [SERVER]);
  // Who may not see apps sees the servers.
  const apps = useLoaded(() => all<App>("sagemaker", "ListMlflowApps", "Summaries", { MaxResults: 100 }).catch(() => []), [], [APP]);
  const { open, error } = useAct();
  return (
    <SpaceBetween size="l">
      {error && <Failure error={error} />}
      <Listing
        title="MLflow tracking servers"
        actions={<Create what="tracking server" page="create-tracking-server" />}
        loaded={servers}
        id={(each) => each.TrackingServerName}
        teach={
          <Teach
            title="There are no MLflow tracking servers yet."
            operation="CreateMlflowTrackingServer"
            params={{ TrackingServerName: "runs", ArtifactStoreUri: "s3://bucket/mlflow", RoleArn: defaultRole() }}
          >
            MLflow's own server, for runs, their metrics and registered models. mlflow.set_tracking_uri() takes its ARN.
          </Teach>
        }
        columns={[
          { id: "name", header: "Name", cell: (each) => <Link href={to("mlflow", each.TrackingServerName)}>{each.TrackingServerName}</Link>, isRowHeader: true, sortingField: "TrackingServerName" },
          { id: "status", header: "Status", cell: (each) => <Status value={each.TrackingServerStatus} />, sortingField: "TrackingServerStatus" },
          { id: "version", header: "Version", cell: (each) => each.MlflowVersion ?? "–" },
          { id: "created", header: "Created", cell: (each) => moment(each.CreationTime), sortingField: "CreationTime" },
          {
            id: "open",
            header: "MLflow",
            cell: (each) => (
              <Button disabled={!RUNS.includes(each.TrackingServerStatus)} onClick={() => void open("CreatePresignedMlflowTrackingServerUrl", { TrackingServerName: each.TrackingServerName })} ariaLabel={`Open ${each.TrackingServerName}`}>
                Open
              </Button>
            ),
          },
        ]}
      />
      {apps.value && apps.value.length > 0 && (
        <Listing
          title="MLflow apps"
          loaded={apps}
          id={(each) => each.Arn}
          teach={null}
          columns={[
            { id: "name", header: "Name", cell: (each) => each.Name, isRowHeader: true, sortingField: "Name" },
            { id: "status", header: "Status", cell: (each) => <Status value={each.Status} />, sortingField: "Status" },
            { id: "version", header: "Version", cell: (each) => each.MlflowVersion ?? "–" },
            { id: "created", header: "Created", cell: (each) => moment(each.CreationTime), sortingField: "CreationTime" },
            {
              id: "open",
              header: "MLflow",
              cell: (each) => (
                <Button disabled={!RUNS.includes(each.Status)} onClick={() => void open("CreatePresignedMlflowAppUrl", { Arn: each.Arn })} ariaLabel={`Open ${each.Name}`}>
                  Open
                </Button>
              ),
            },
          ]}
        />
      )}
    </SpaceBetween>
  );
}

/** A tracking server: whether it runs, the way into it, and what it says. */
export function MlflowServer({ name }: { name: string }) {
  const params = { TrackingServerName: name };
  const loaded = useLoaded(() => call<Server>("sagemaker", "DescribeMlflowTrackingServer", params), [name], [SERVER], name);
  const { act, open, error } = useAct();
  return (
    <Detail
      name={name}
      among={["MLflow tracking servers", "mlflow"]}
      loaded={loaded}
      actions={({ TrackingServerStatus: status }) => (
        <>
          {AT_REST.includes(status) ? (
            <Button onClick={() => void act("sagemaker", "StartMlflowTrackingServer", params)}>Start</Button>
          ) : (
            <Button onClick={() => void act("sagemaker", "StopMlflowTrackingServer", params)} disabled={!RUNS.includes(status)}>
              Stop
            </Button>
          )}
          <Button variant="primary" iconName="external" iconAlign="right" disabled={!RUNS.includes(status)} onClick={() => void open("CreatePresignedMlflowTrackingServerUrl", params)}>
            Open MLflow
          </Button>
        </>
      )}
    >
      {(server) => (
        <>
          {error && <Failure error={error} />}
          <Container>
            <KeyValuePairs
              columns={4}
              items={[
                { label: "Status", value: <Status value={server.TrackingServerStatus} /> },
                { label: "Version", value: server.MlflowVersion ?? "–" },
                { label: "Size", value: server.TrackingServerSize },
                { label: "Created", value: moment(server.CreationTime) },
                { label: "Artifacts", value: <S3Link uri={server.ArtifactStoreUri} whole /> },
                { label: "Role", value: server.RoleArn.split("/").at(-1) },
                { label: "Registered models", value: server.AutomaticModelRegistration ? "become model packages" : "stay in MLflow" },
                { label: "Tracking URI", value: <span className="name">{server.TrackingServerArn}</span> },
              ]}
            />
          </Container>
          <Container header={<Header variant="h2">Log</Header>}>
            <Streams group={`/aws/sagemaker/MlflowTrackingServers/${name}`} prefix="" live={!AT_REST.includes(server.TrackingServerStatus)} />
          </Container>
        </>
      )}
    </Detail>
  );
}
