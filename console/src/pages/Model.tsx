import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";
import { call } from "../api/client";
import { Create } from "../parts/Create";
import { Detail } from "../parts/Detail";
import { Failure } from "../parts/Failure";
import { moment } from "../parts/format";
import { Pairs } from "../parts/Pairs";
import { to } from "../parts/route";
import { S3Link } from "../parts/S3Link";
import { Status } from "../parts/Status";
import { useLoaded } from "../parts/useLoaded";

interface Held {
  ContainerHostname?: string;
  Image?: string;
  Mode?: string;
  ModelDataUrl?: string;
  ModelDataSource?: { S3DataSource?: { S3Uri: string } };
  ModelPackageName?: string;
  Environment?: Record<string, string>;
}
interface Description {
  ModelArn: string;
  PrimaryContainer?: Held;
  Containers?: Held[];
  InferenceExecutionConfig?: { Mode: string };
  ExecutionRoleArn?: string;
  EnableNetworkIsolation?: boolean;
  CreationTime: number;
}
interface Endpoint {
  EndpointName: string;
  EndpointStatus: string;
  CreationTime: number;
}
/** A model: its containers, what was trained, and who serves it. */
export function Model({ name }: { name: string }) {
  const loaded = useLoaded(() => call<Description>("sagemaker", "DescribeModel", { ModelName: name }), [name], ["model"], name);
  return (
    <Detail
      name={name}
      among={["Models", "models"]}
      loaded={loaded}
      actions={() => (
        <>
          <Create what="transform job" page="create-transform-job" given={{ model: name }} primary={false} />
          <Create what="endpoint" page="create-endpoint" given={{ model: name }} />
        </>
      )}
    >
      {(model) => {
        const containers = model.Containers ?? (model.PrimaryContainer ? [model.PrimaryContainer] : []);
        return (
          <>
            <Container>
              <KeyValuePairs
                columns={4}
                items={[
                  { label: "Created", value: moment(model.CreationTime) },
                  { label: "Role", value: model.ExecutionRoleArn?.split("/").at(-1) ?? "of the endpoint" },
                  { label: "Network", value: model.EnableNetworkIsolation ? "isolated" : "reachable" },
                  { label: "Containers answer", value: containers.length < 2 ? "alone" : model.InferenceExecutionConfig?.Mode === "Direct" ? "each for itself" : "one after the other" },
                ]}
              />
            </Container>
            {containers.map((each, index) => (
              <One key={index} held={each} title={containers.length > 1 ? (each.ContainerHostname ?? `Container ${index + 1}`) : "Container"} />
            ))}
            <Users model={name} />
          </>
        );
      }}
    </Detail>
  );
}

function One({ held, title }: { held: Held; title: string }) {
  const data = held.ModelDataUrl ?? held.ModelDataSource?.S3DataSource?.S3Uri;
  const environment = held.Environment ?? {};
  return (
    <Container header={<Header variant="h2">{title}</Header>}>
      <SpaceBetween size="m">
        <KeyValuePairs
          columns={3}
          items={[
            { label: "Image", value: <span className="name">{held.Image ?? held.ModelPackageName ?? "–"}</span> },
            { label: "Artifact", value: data ? <S3Link uri={data} /> : "none" },
            { label: "Mode", value: held.Mode === "MultiModel" ? "many models below the artifact's address" : "one model" },
          ]}
        />
        {Object.keys(environment).length > 0 && <Pairs title="Environment" of={environment} />}
      </SpaceBetween>
    </Container>
  );
}

async function users(model: string): Promise<Endpoint[]> {
  const filter = { Filters: [{ Name: "ModelName", Operator: "Equals", Value: model }] };
  const found = await call<{ Results: { Model?: { Endpoints?: Endpoint[] } }[] }>("sagemaker", "Search", { Resource: "Model", SearchExpression: filter });
  return found.Results[0]?.Model?.Endpoints ?? [];
}

function Users({ model }: { model: string }) {
  const endpoints = useLoaded(() => users(model), [model], ["endpoint"]);
  if (endpoints.error && !endpoints.value) return <Failure error={endpoints.error} again={endpoints.again} />;
  return (
    <Table
      header={<Header counter={endpoints.value && `(${endpoints.value.length})`}>Endpoints that serve it</Header>}
      loading={!endpoints.value}
      items={endpoints.value ?? []}
      empty="No endpoint serves it."
      columnDefinitions={[
        { id: "name", header: "Name", cell: (each) => <Link href={to("endpoints", each.EndpointName)}>{each.EndpointName}</Link>, isRowHeader: true },
        { id: "status", header: "Status", cell: (each) => <Status value={each.EndpointStatus} /> },
        { id: "created", header: "Created", cell: (each) => moment(each.CreationTime) },
      ]}
    />
  );
}
