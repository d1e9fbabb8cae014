import Alert from "@cloudscape-design/components/alert";
import Container from "@cloudscape-design/components/container";
import ContentLayout from "@cloudscape-design/components/content-layout";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { serverSettings, type Params, type Session } from "../api/client";
import { Failure } from "../parts/Failure";
import { duration, moment, size } from "../parts/format";
import { useLoaded } from "../parts/useLoaded";
import { Quotas } from "./Quotas";

interface Told {
  Versions: Params & { Started: number };
  Engine: Params & { Name: string; Sandbox: string; VpcNetwork: string; Machines: { vcpus: number; memory_bytes: number; gpus: number }[]; Cannot: string[] };
  Capacity: { Instances: string; Overcommit: number | null; ServerlessIdleSeconds: number; ServerlessStandby: boolean; NotebookIdleSeconds: number | null };
  Storage: { Records: string; Folder: string; FreeBytes: number; TotalBytes: number; Replica: boolean };
  Limits: { RequestBytes: number; InvocationBytes: number; SessionSeconds: number };
  SignIn: { Signatures: string; IdentityProvider: string };
}

const machine = ({ vcpus, memory_bytes, gpus }: Told["Engine"]["Machines"][0]) => `${vcpus} vCPU, ${size(memory_bytes)}, ${gpus || "no"} GPU${gpus > 1 ? "s" : ""}`;

/** What the server runs with. It is set where it is started. */
export function Settings({ session }: { session: Session }) {
  const loaded = useLoaded(() => serverSettings<Told>(), []);
  const told = loaded.value;
  if (loaded.error && !told) return <Failure error={loaded.error} again={loaded.again} />;
  if (!told) return null;
  const { Versions, Engine, Capacity, Storage, Limits, SignIn } = told;
  const sections: [string, [string, string][]][] = [
    [
      "Versions",
      [
        ["Sagewright", String(Versions["Sagewright"])],
        ["Python", String(Versions["Python"])],
        ["AWS's service models", `botocore ${String(Versions["ServiceModels"])}`],
        ["System", String(Versions["System"])],
        ["Running since", moment(Versions.Started)],
        ["Account and region", `${String(Versions["Account"])}, ${String(Versions["Region"])}`],
      ],
    ],
    [
      "Engine",
      [
        ["What runs tasks", Engine.Name],
        ["Machines", Engine.Machines.map(machine).join("; ")],
        ["Sandbox", Engine.Sandbox],
        ["Tasks with a VpcConfig reach", Engine.VpcNetwork === "platform" ? "This server and their own job" : "What the machine does"],
      ],
    ],
    [
      "Capacity",
      [
        ["Instances", Capacity.Instances === "fitted" ? "Cut to the machines" : "As large as AWS's"],
        ["Taken up at most", Capacity.Overcommit ? `${Capacity.Overcommit} times what there is` : "What there is"],
        ["Serverless instances stay", duration(Capacity.ServerlessIdleSeconds)],
        ["Serverless standby", Capacity.ServerlessStandby ? "Yes" : "No"],
        ["Idle notebooks stop", Capacity.NotebookIdleSeconds ? `After ${duration(Capacity.NotebookIdleSeconds)}` : "Never"],
      ],
    ],
    [
      "Storage",
      [
        ["Records", Storage.Records],
        ["Folder", Storage.Folder],
        ["Free", `${size(Storage.FreeBytes)} of ${size(Storage.TotalBytes)}`],
        ["Servers", Storage.Replica ? "One of several" : "This one alone"],
      ],
    ],
    [
      "Limits and signing in",
      [
        ["Longest request", size(Limits.RequestBytes)],
        ["Longest invocation", size(Limits.InvocationBytes)],
        ["Sessions last", duration(Limits.SessionSeconds)],
        ["Requests must be signed", SignIn.Signatures === "on" ? "Yes" : "No: whoever reaches this server owns it"],
        ["Identity provider", SignIn.IdentityProvider || "None"],
      ],
    ],
  ];
  return (
    <ContentLayout header={<Header variant="h1" description="They are given to sagewright up where the server is started.">Settings</Header>}>
      <SpaceBetween size="l">
        {Engine.Cannot.map((each) => (
          <Alert key={each} type="info">
            {each}
          </Alert>
        ))}
        {sections.map(([title, pairs]) => (
          <Container key={title} header={<Header variant="h2">{title}</Header>}>
            <KeyValuePairs columns={3} items={pairs.map(([label, value]) => ({ label, value }))} />
          </Container>
        ))}
        <Quotas owner={session.kind === "root"} />
      </SpaceBetween>
    </ContentLayout>
  );
}
