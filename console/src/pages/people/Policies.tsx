import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import ContentLayout from "@cloudscape-design/components/content-layout";
import CopyToClipboard from "@cloudscape-design/components/copy-to-clipboard";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { call } from "../../api/client";
import { Calls } from "../../parts/Code";
import { Failure } from "../../parts/Failure";
import { Listing } from "../../parts/Listing";
import { go, to } from "../../parts/route";
import { useLoaded } from "../../parts/useLoaded";
import { Dialog } from "./Dialog";
import { document, every, type Policy as Entity } from "./entities";
import { Panel } from "./Panel";
import { fault, NEW_POLICY, PolicyText } from "./PolicyText";

const isOurs = (arn: string) => !arn.includes(":iam::aws:");

export function Policies() {
  const loaded = useLoaded(() => every<Entity>("ListPolicies", "Policies").then((found) => found.sort((a, b) => Number(isOurs(b.Arn)) - Number(isOurs(a.Arn)))), []);
  const [asking, setAsking] = useState(false);
  return (
    <>
      <Listing
        title="Policies"
        description="What may be attached to users, groups and roles."
        loaded={loaded}
        id={(each) => each.Arn}
        actions={
          <Button variant="primary" onClick={() => setAsking(true)}>
            Create policy
          </Button>
        }
        teach={<Box>There are no policies.</Box>}
        columns={[
          { id: "name", header: "Name", cell: (each) => <Link href={to("policies", each.Arn)}>{each.PolicyName}</Link>, isRowHeader: true, sortingField: "PolicyName" },
          { id: "whose", header: "Kind", cell: (each) => (isOurs(each.Arn) ? "Yours" : "AWS managed") },
          { id: "used", header: "Attached", cell: (each) => each.AttachmentCount, sortingField: "AttachmentCount" },
        ]}
      />
      {asking && <CreatePolicy close={() => setAsking(false)} />}
    </>
  );
}

function CreatePolicy({ close }: { close: () => void }) {
  const [name, setName] = useState("");
  const [text, setText] = useState(NEW_POLICY);
  const params = { PolicyName: name, PolicyDocument: text };
  const create = () => call<{ Policy: Entity }>("iam", "CreatePolicy", params).then(({ Policy: made }) => go("policies", made.Arn));
  return (
    <Dialog wide title="Create policy" act="Create" disabled={!name || fault(text) !== ""} work={create} close={close}>
      <FormField label="Policy name">
        <Input value={name} onChange={({ detail }) => setName(detail.value)} autoFocus />
      </FormField>
      <PolicyText label="Document" text={text} change={setText} />
      <Calls calls={[{ service: "iam", operation: "CreatePolicy", params }]} />
    </Dialog>
  );
}

interface Whole {
  policy: Entity;
  text: string;
  to: { section: string; name: string }[];
}
interface Holders {
  PolicyUsers: { UserName: string }[];
  PolicyGroups: { GroupName: string }[];
  PolicyRoles: { RoleName: string }[];
}

async function whole(PolicyArn: string): Promise<Whole> {
  const { Policy: policy } = await call<{ Policy: Entity }>("iam", "GetPolicy", { PolicyArn });
  const [version, holders] = await Promise.all([
    call<{ PolicyVersion: { Document: string } }>("iam", "GetPolicyVersion", { PolicyArn, VersionId: policy.DefaultVersionId }),
    call<Holders>("iam", "ListEntitiesForPolicy", { PolicyArn }).catch((): Holders => ({ PolicyUsers: [], PolicyGroups: [], PolicyRoles: [] })),
  ]);
  const held = [
    ...holders.PolicyUsers.map((each) => ({ section: "users", name: each.UserName })),
    ...holders.PolicyGroups.map((each) => ({ section: "groups", name: each.GroupName })),
    ...holders.PolicyRoles.map((each) => ({ section: "roles", name: each.RoleName })),
  ];
  return { policy, text: document(version.PolicyVersion.Document), to: held };
}

/** The oldest version goes where there are five, as many as IAM keeps. */
async function save(PolicyArn: string, text: string): Promise<void> {
  const versions = await every<{ VersionId: string; IsDefaultVersion: boolean }>("ListPolicyVersions", "Versions", { PolicyArn });
  const oldest = versions.filter((each) => !each.IsDefaultVersion).at(-1);
  if (versions.length >= 5 && oldest) await call("iam", "DeletePolicyVersion", { PolicyArn, VersionId: oldest.VersionId });
  await call("iam", "CreatePolicyVersion", { PolicyArn, PolicyDocument: text, SetAsDefault: true });
}

async function removePolicy(PolicyArn: string): Promise<void> {
  const versions = await every<{ VersionId: string; IsDefaultVersion: boolean }>("ListPolicyVersions", "Versions", { PolicyArn });
  for (const { VersionId } of versions.filter((each) => !each.IsDefaultVersion)) await call("iam", "DeletePolicyVersion", { PolicyArn, VersionId });
  await call("iam", "DeletePolicy", { PolicyArn });
}

export function Policy({ arn }: { arn: string }) {
  const loaded = useLoaded(() => whole(arn), [arn]);
  const [asking, setAsking] = useState<"delete" | { text: string }>();
  const found = loaded.value;
  if (loaded.error && !found) return <Failure error={loaded.error} again={loaded.again} />;
  if (!found) return null;
  const name = found.policy.PolicyName;
  return (
    <ContentLayout
      header={
        <Header
          variant="h1"
          actions={
            isOurs(arn) && (
              <SpaceBetween direction="horizontal" size="xs">
                <Button onClick={() => setAsking({ text: found.text })}>Edit</Button>
                <Button onClick={() => setAsking("delete")}>Delete</Button>
              </SpaceBetween>
            )
          }
        >
          {name}
        </Header>
      }
    >
      <SpaceBetween size="l">
        <Container>
          <KeyValuePairs
            columns={3}
            items={[
              { label: "ARN", value: arn },
              { label: "Version", value: found.policy.DefaultVersionId },
              { label: "Description", value: found.policy.Description ?? "–" },
            ]}
          />
        </Container>
        <Container header={<Header variant="h2" actions={<CopyToClipboard copyButtonText="Copy" textToCopy={found.text} copySuccessText="Copied" copyErrorText="Not copied" />}>Document</Header>}>
          <pre className="code">{found.text}</pre>
        </Container>
        <Panel
          title="Attached to"
          loaded={{ ...loaded, value: found.to }}
          id={(each) => `${each.section}/${each.name}`}
          empty="Nobody has it."
          columns={[
            { id: "name", header: "Name", isRowHeader: true, cell: (each) => <Link href={to(each.section, each.name)}>{each.name}</Link> },
            { id: "kind", header: "Kind", cell: (each) => each.section.replace(/s$/, "") },
          ]}
        />
      </SpaceBetween>
      {asking === "delete" && (
        <Dialog title={`Delete ${name}?`} act="Delete" work={() => removePolicy(arn)} close={() => setAsking(undefined)} done={() => go("policies")}>
          It must be detached everywhere first.
        </Dialog>
      )}
      {typeof asking === "object" && (
        <Dialog wide title={name} act="Save" disabled={fault(asking.text) !== ""} work={() => save(arn, asking.text)} close={() => setAsking(undefined)} done={loaded.again}>
          <PolicyText label="Document" description="It holds at once, as a version that others may go back from." text={asking.text} change={(text) => setAsking({ text })} />
        </Dialog>
      )}
    </ContentLayout>
  );
}
