import { call, type Params } from "../api/client";
import { Choice, Suggest, Switch, Text } from "./fields";
import { type Call, CreateForm, fresh, given, number, Section, Sections, Together } from "./form";
import { NOTEBOOK_INSTANCES, roles } from "./known";

interface Values {
  known: string[];
  configs: string[];
  repositories: string[];
  name: string;
  instance: string;
  role: string;
  volume: string;
  repository: string;
  root: boolean;
  config: string;
  created: string;
  started: string;
}

const OWN = "a new one";

async function begin(role: string): Promise<Values> {
  const list = { MaxResults: 100 };
  const [known, configs, found] = await Promise.all([
    roles(),
    call<{ NotebookInstanceLifecycleConfigs: { NotebookInstanceLifecycleConfigName: string }[] }>("sagemaker", "ListNotebookInstanceLifecycleConfigs", list).catch(() => undefined),
    call<{ CodeRepositorySummaryList: { CodeRepositoryName: string }[] }>("sagemaker", "ListCodeRepositories", list).catch(() => undefined),
  ]);
  const names = (configs?.NotebookInstanceLifecycleConfigs ?? []).map((each) => each.NotebookInstanceLifecycleConfigName);
  const repositories = (found?.CodeRepositorySummaryList ?? []).map((each) => each.CodeRepositoryName);
  const one = { known, configs: names, repositories, name: fresh("notebook"), instance: "ml.t3.medium", role, volume: "5", repository: "", root: true };
  return { ...one, config: "", created: "", started: "" };
}

/** As the API takes scripts: base64 of UTF-8. */
function script(text: string): Params[] | undefined {
  if (given(text) === undefined) return undefined;
  const bytes = new TextEncoder().encode(text.startsWith("#!") ? text : `#!/bin/bash\nset -e\n${text}\n`);
  return [{ Content: btoa(Array.from(bytes, (each) => String.fromCharCode(each)).join("")) }];
}

function calls(values: Values): Call[] {
  const [own, name] = [values.config === OWN, `${values.name}-lifecycle`];
  const config = { NotebookInstanceLifecycleConfigName: name, OnCreate: script(values.created), OnStart: script(values.started) };
  const instance = {
    NotebookInstanceName: values.name,
    InstanceType: values.instance,
    RoleArn: values.role,
    VolumeSizeInGB: number(values.volume),
    DefaultCodeRepository: given(values.repository),
    LifecycleConfigName: own ? name : given(values.config),
    RootAccess: values.root ? "Enabled" : "Disabled",
  };
  return [
    ...(own ? [{ service: "sagemaker", operation: "CreateNotebookInstanceLifecycleConfig", params: config }] : []),
    { service: "sagemaker", operation: "CreateNotebookInstance", params: instance },
  ];
}

export function CreateNotebook({ role }: { role: string }) {
  return (
    <CreateForm title="Create notebook instance" list="notebooks" begin={() => begin(role)} calls={calls} then={() => ["notebooks"]}>
      {(of) => (
        <Sections>
          <Section title="Notebook instance">
            <Text of={of} name="name" member="NotebookInstanceName" label="Name" />
            <Suggest of={of} name="instance" member="InstanceType" label="Instance type" options={NOTEBOOK_INSTANCES} />
            <Suggest of={of} name="role" member="RoleArn" label="Role" description="What notebooks may do: boto3 and the SDK work as this role." options={of.values.known} />
            <Text of={of} name="volume" member="VolumeSizeInGB" label="Volume (GB)" description="Of the home folder, which stays when the instance is stopped." />
            <Switch of={of} name="root" label="Root access" description="Whether who works in it may become root in it." />
          </Section>
          <Section title="Git repository">
            <Suggest
              of={of}
              name="repository"
              member="DefaultCodeRepository"
              label="Repository"
              description="An https:// address that is cloned into the home folder, or the name of a code repository."
              options={of.values.repositories}
            />
          </Section>
          <Section title="Lifecycle configuration" description="Scripts that root runs when the instance is created, and each time it starts.">
            <Choice
              of={of}
              name="config"
              member="LifecycleConfigName"
              label="Configuration"
              options={[{ value: "", label: "None" }, { value: OWN, label: "A new one" }, ...of.values.configs.map((value) => ({ value }))]}
            />
            {of.values.config === OWN && (
              <Together>
                <Text of={of} name="created" member="OnCreate" label="When it is created" rows={4} placeholder="pip install lightgbm" />
                <Text of={of} name="started" member="OnStart" label="Each time it starts" rows={4} />
              </Together>
            )}
          </Section>
        </Sections>
      )}
    </CreateForm>
  );
}
