import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Link from "@cloudscape-design/components/link";
import { all, call } from "../api/client";
import { Detail } from "../parts/Detail";
import { moment } from "../parts/format";
import { Listing } from "../parts/Listing";
import { to } from "../parts/route";
import { Status } from "../parts/Status";
import { Teach } from "../parts/Teach";
import { useLoaded } from "../parts/useLoaded";

interface Summary {
  NotebookInstanceLifecycleConfigName: string;
  CreationTime: number;
  LastModifiedTime: number;
}
interface Description extends Summary {
  OnCreate?: { Content?: string }[];
  OnStart?: { Content?: string }[];
}
interface User {
  NotebookInstanceName: string;
  NotebookInstanceStatus: string;
}

const KIND = "notebook-instance-lifecycle-config";

export function LifecycleConfigs() {
  const loaded = useLoaded(() => all<Summary>("sagemaker", "ListNotebookInstanceLifecycleConfigs", "NotebookInstanceLifecycleConfigs", { MaxResults: 100 }), [], [KIND]);
  return (
    <Listing
      title="Lifecycle configurations"
      loaded={loaded}
      id={(each) => each.NotebookInstanceLifecycleConfigName}
      teach={
        <Teach
          title="There are no lifecycle configurations yet."
          operation="CreateNotebookInstanceLifecycleConfig"
          params={{ NotebookInstanceLifecycleConfigName: "packages", OnStart: [{ Content: btoa("#!/bin/bash\nsudo -u ec2-user -i pip install lightgbm\n") }] }}
        >
          Scripts that prepare a notebook instance: OnCreate once, OnStart at every start. Their content is in Base64.
        </Teach>
      }
      columns={[
        { id: "name", header: "Name", cell: (each) => <Link href={to("lifecycle-configs", each.NotebookInstanceLifecycleConfigName)}>{each.NotebookInstanceLifecycleConfigName}</Link>, isRowHeader: true, sortingField: "NotebookInstanceLifecycleConfigName" },
        { id: "created", header: "Created", cell: (each) => moment(each.CreationTime), sortingField: "CreationTime" },
        { id: "changed", header: "Changed", cell: (each) => moment(each.LastModifiedTime), sortingField: "LastModifiedTime" },
      ]}
    />
  );
}

/** The scripts of a lifecycle configuration, and the instances that run them. */
export function LifecycleConfig({ name }: { name: string }) {
  const loaded = useLoaded(
    async () => {
      const config = await call<Description>("sagemaker", "DescribeNotebookInstanceLifecycleConfig", { NotebookInstanceLifecycleConfigName: name });
      const among = { NotebookInstanceLifecycleConfigNameContains: name, MaxResults: 100 };
      // Who may not list instances sees the scripts.
      const instances = await all<User & { NotebookInstanceLifecycleConfigName?: string }>("sagemaker", "ListNotebookInstances", "NotebookInstances", among).catch(() => []);
      return { ...config, users: instances.filter((each) => each.NotebookInstanceLifecycleConfigName === name) };
    },
    [name],
    [KIND, "notebook-instance"],
  );
  return (
    <Detail name={name} among={["Lifecycle configurations", "lifecycle-configs"]} loaded={loaded}>
      {(config) => (
        <>
          <Container>
            <KeyValuePairs
              columns={3}
              items={[
                { label: "Created", value: moment(config.CreationTime) },
                { label: "Changed", value: moment(config.LastModifiedTime) },
                {
                  label: "Notebook instances with it",
                  value: config.users.length
                    ? config.users.map((each) => (
                        <div key={each.NotebookInstanceName}>
                          <Link href={to("notebooks", each.NotebookInstanceName)}>{each.NotebookInstanceName}</Link> <Status value={each.NotebookInstanceStatus} />
                        </div>
                      ))
                    : "none",
                },
              ]}
            />
          </Container>
          <Script title="OnCreate" when="Once, when an instance is made" scripts={config.OnCreate} />
          <Script title="OnStart" when="At every start" scripts={config.OnStart} />
        </>
      )}
    </Detail>
  );
}

function Script({ title, when, scripts = [] }: { title: string; when: string; scripts: Description["OnCreate"] }) {
  return (
    <Container header={<Header variant="h2" description={when}>{title}</Header>}>
      {scripts.length ? scripts.map((each, index) => <pre key={index} className="code" tabIndex={0} aria-label={title}>{text(each.Content ?? "")}</pre>) : "There is no such script."}
    </Container>
  );
}

function text(content: string): string {
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(content), (each) => each.charCodeAt(0)));
  } catch {
    return content;
  }
}
