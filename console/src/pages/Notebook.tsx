import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { call } from "../api/client";
import { Detail, useAct } from "../parts/Detail";
import { Failure } from "../parts/Failure";
import { moment } from "../parts/format";
import { to } from "../parts/route";
import { Status } from "../parts/Status";
import { Streams } from "../parts/Streams";
import { useLoaded } from "../parts/useLoaded";

interface Instance {
  NotebookInstanceStatus: string;
  FailureReason?: string;
  Url?: string;
  InstanceType: string;
  RoleArn: string;
  CreationTime: number;
  LastModifiedTime: number;
  NotebookInstanceLifecycleConfigName?: string;
  DirectInternetAccess: string;
  VolumeSizeInGB: number;
  DefaultCodeRepository?: string;
  AdditionalCodeRepositories?: string[];
  RootAccess: string;
}

const GROUP = "/aws/sagemaker/NotebookInstances";
const AT_REST = ["Stopped", "Failed"];

/** A notebook instance: whether it runs, the way into it, and what its scripts and JupyterLab say. */
export function Notebook({ name }: { name: string }) {
  const params = { NotebookInstanceName: name };
  const loaded = useLoaded(() => call<Instance>("sagemaker", "DescribeNotebookInstance", params), [name], ["notebook-instance"], name);
  const { act, open, error } = useAct();
  return (
    <Detail
      name={name}
      among={["Notebook instances", "notebooks"]}
      loaded={loaded}
      failed={(shown) => shown.FailureReason}
      actions={({ NotebookInstanceStatus: status }) => (
        <>
          {AT_REST.includes(status) ? (
            <Button onClick={() => void act("sagemaker", "StartNotebookInstance", params)}>Start</Button>
          ) : (
            <Button onClick={() => void act("sagemaker", "StopNotebookInstance", params)} disabled={status !== "InService"}>
              Stop
            </Button>
          )}
          <Button variant="primary" iconName="external" iconAlign="right" disabled={status !== "InService"} onClick={() => void open("CreatePresignedNotebookInstanceUrl", params)}>
            Open JupyterLab
          </Button>
        </>
      )}
    >
      {(shown) => (
        <>
          {error && <Failure error={error} />}
          <Summary shown={shown} />
          <Container header={<Header variant="h2">Log</Header>}>
            <Streams group={GROUP} prefix={`${name}/`} live={!AT_REST.includes(shown.NotebookInstanceStatus)} />
          </Container>
        </>
      )}
    </Detail>
  );
}

function Summary({ shown }: { shown: Instance }) {
  const config = shown.NotebookInstanceLifecycleConfigName;
  const repositories = [shown.DefaultCodeRepository, ...(shown.AdditionalCodeRepositories ?? [])].filter((each) => each !== undefined);
  return (
    <Container>
      <KeyValuePairs
        columns={4}
        items={[
          { label: "Status", value: <Status value={shown.NotebookInstanceStatus} /> },
          { label: "Instance type", value: shown.InstanceType },
          { label: "Volume", value: `${shown.VolumeSizeInGB} GB` },
          { label: "Role", value: shown.RoleArn.split("/").at(-1) },
          { label: "Created", value: moment(shown.CreationTime) },
          { label: "Changed", value: moment(shown.LastModifiedTime) },
          { label: "Internet", value: shown.DirectInternetAccess === "Enabled" ? "reachable" : "not reachable" },
          { label: "Root", value: shown.RootAccess === "Enabled" ? "sudo works" : "sudo refuses" },
          { label: "Host name", value: <span className="name">{shown.Url ?? "none for this address: see --notebook-domain"}</span> },
          { label: "Lifecycle configuration", value: config ? <Link href={to("lifecycle-configs", config)}>{config}</Link> : "none" },
          {
            label: "Code repositories",
            value: repositories.length ? (
              <SpaceBetween size="xxs">
                {repositories.map((each) => (
                  <span key={each} className="name">{each.startsWith("https://") ? each : <Link href={to("code-repositories")}>{each}</Link>}</span>
                ))}
              </SpaceBetween>
            ) : (
              "none"
            ),
          },
        ]}
      />
    </Container>
  );
}
