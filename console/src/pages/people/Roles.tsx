import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Link from "@cloudscape-design/components/link";
import SegmentedControl from "@cloudscape-design/components/segmented-control";
import { useState } from "react";
import { call, type Session } from "../../api/client";
import { Calls } from "../../parts/Code";
import { Failure } from "../../parts/Failure";
import { duration, moment } from "../../parts/format";
import { Listing } from "../../parts/Listing";
import { go, to } from "../../parts/route";
import { useLoaded } from "../../parts/useLoaded";
import { Dialog } from "./Dialog";
import { about, document, every, type Role as Entity } from "./entities";
import { EntityPolicies } from "./EntityPolicies";
import { Page } from "./Page";
import { fault, PolicyText } from "./PolicyText";
import { simulating } from "./User";

const trust = (Principal: object) =>
  JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Principal, Action: "sts:AssumeRole" }] }, null, 2);
const SAGEMAKER = trust({ Service: "sagemaker.amazonaws.com" });

export function Roles({ account }: { account: string }) {
  const loaded = useLoaded(() => every<Entity>("ListRoles", "Roles"), []);
  const [asking, setAsking] = useState(false);
  return (
    <>
      <Listing
        title="Roles"
        loaded={loaded}
        id={(each) => each.RoleName}
        actions={
          <Button variant="primary" onClick={() => setAsking(true)}>
            Create role
          </Button>
        }
        teach={<Box>There are no roles. Jobs, endpoints and notebooks act in the name of one.</Box>}
        columns={[
          { id: "name", header: "Name", cell: (each) => <Link href={to("roles", each.RoleName)}>{each.RoleName}</Link>, isRowHeader: true, sortingField: "RoleName" },
          { id: "arn", header: "ARN", cell: (each) => each.Arn },
          { id: "what", header: "Description", cell: (each) => each.Description ?? "–" },
        ]}
      />
      {asking && <CreateRole account={account} close={() => setAsking(false)} />}
    </>
  );
}

function CreateRole({ account, close }: { account: string; close: () => void }) {
  const [name, setName] = useState("");
  const [what, setWhat] = useState("");
  const [text, setText] = useState(SAGEMAKER);
  const people = trust({ AWS: `arn:aws:iam::${account}:root` });
  const params = { RoleName: name, AssumeRolePolicyDocument: text, Description: what || undefined };
  return (
    <Dialog wide title="Create role" act="Create" disabled={!name || fault(text) !== ""} work={() => call("iam", "CreateRole", params)} close={close} done={() => go("roles", name)}>
      <FormField label="Role name">
        <Input value={name} onChange={({ detail }) => setName(detail.value)} autoFocus />
      </FormField>
      <FormField label="Description">
        <Input value={what} onChange={({ detail }) => setWhat(detail.value)} />
      </FormField>
      <FormField label="For whom">
        <SegmentedControl
          label="For whom"
          selectedId={text === SAGEMAKER ? "work" : text === people ? "people" : null}
          options={[
            { id: "work", text: "Jobs, endpoints, notebooks" },
            { id: "people", text: "People of this account" },
          ]}
          onChange={({ detail }) => setText(detail.selectedId === "work" ? SAGEMAKER : people)}
        />
      </FormField>
      <PolicyText label="Trust policy" description="Who may assume it." text={text} change={setText} />
      <Calls calls={[{ service: "iam", operation: "CreateRole", params }]} />
    </Dialog>
  );
}

export function Role({ name, session }: { name: string; session: Session }) {
  const loaded = useLoaded(() => about<{ Role: Entity }>("Role", name, "Get…"), [name]);
  const [text, setText] = useState<string>();
  const role = loaded.value?.Role;
  if (loaded.error && !role) return <Failure error={loaded.error} again={loaded.again} />;
  if (!role) return null;
  const used = role.RoleLastUsed?.LastUsedDate;
  return (
    <Page noun="Role" name={name} list="roles" actions={<Button href={simulating(role.Arn)}>Simulate</Button>}>
      <Container>
        <KeyValuePairs
          columns={2}
          items={[
            { label: "ARN", value: role.Arn },
            { label: "Description", value: role.Description ?? "–" },
            { label: "Created", value: moment(role.CreateDate) },
            { label: "Last used", value: used === undefined ? "Not known" : moment(used) },
            { label: "Longest session", value: duration(role.MaxSessionDuration) },
            { label: "Default role", value: role.Arn === session.role ? "Yes: forms suggest it" : "No" },
          ]}
        />
      </Container>
      <EntityPolicies noun="Role" name={name} />
      <Container
        header={
          <Header variant="h2" description="Who may assume it." actions={<Button onClick={() => setText(document(role.AssumeRolePolicyDocument))}>Edit</Button>}>
            Trust policy
          </Header>
        }
      >
        <pre className="code">{document(role.AssumeRolePolicyDocument)}</pre>
      </Container>
      {text !== undefined && (
        <Dialog
          wide
          title={`Who may assume ${name}`}
          act="Save"
          disabled={fault(text) !== ""}
          work={() => call("iam", "UpdateAssumeRolePolicy", { RoleName: name, PolicyDocument: text })}
          close={() => setText(undefined)}
          done={loaded.again}
        >
          <PolicyText label="Trust policy" text={text} change={setText} />
        </Dialog>
      )}
    </Page>
  );
}
