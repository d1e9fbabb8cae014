import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Checkbox from "@cloudscape-design/components/checkbox";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { call } from "../../api/client";
import { Calls } from "../../parts/Code";
import { moment } from "../../parts/format";
import { Listing } from "../../parts/Listing";
import { go, to } from "../../parts/route";
import { useLoaded } from "../../parts/useLoaded";
import { Dialog } from "./Dialog";
import { every, type Group, type User } from "./entities";

export function Users() {
  const loaded = useLoaded(() => every<User>("ListUsers", "Users"), []);
  const [asking, setAsking] = useState(false);
  return (
    <>
      <Listing
        title="Users"
        loaded={loaded}
        id={(each) => each.UserName}
        actions={
          <Button variant="primary" onClick={() => setAsking(true)}>
            Create user
          </Button>
        }
        teach={<Box>There are no users yet. A user has a password for this console, access keys for programs, or both.</Box>}
        columns={[
          { id: "name", header: "Name", cell: (each) => <Link href={to("users", each.UserName)}>{each.UserName}</Link>, isRowHeader: true, sortingField: "UserName" },
          { id: "arn", header: "ARN", cell: (each) => each.Arn },
          { id: "created", header: "Created", cell: (each) => moment(each.CreateDate), sortingField: "CreateDate" },
        ]}
      />
      {asking && <CreateUser close={() => setAsking(false)} />}
    </>
  );
}

function CreateUser({ close }: { close: () => void }) {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [temporary, setTemporary] = useState(true);
  async function create(): Promise<void> {
    await call("iam", "CreateUser", { UserName: name });
    if (password) await call("iam", "CreateLoginProfile", { UserName: name, Password: password, PasswordResetRequired: temporary });
  }
  return (
    <Dialog title="Create user" act="Create" disabled={!name} work={create} close={close} done={() => go("users", name)}>
      <FormField label="User name">
        <Input value={name} autoComplete="off" onChange={({ detail }) => setName(detail.value)} autoFocus />
      </FormField>
      <FormField label="Password" description="For the console. Without one the user has access keys only.">
        <Input type="password" value={password} autoComplete="new-password" onChange={({ detail }) => setPassword(detail.value)} />
      </FormField>
      {password && (
        <Checkbox checked={temporary} onChange={({ detail }) => setTemporary(detail.checked)}>
          Another must be chosen at the first sign-in
        </Checkbox>
      )}
      <Calls calls={[{ service: "iam", operation: "CreateUser", params: { UserName: name } }]} />
    </Dialog>
  );
}

export function Groups() {
  const loaded = useLoaded(() => every<Group>("ListGroups", "Groups"), []);
  const [name, setName] = useState<string>();
  return (
    <>
      <Listing
        title="Groups"
        loaded={loaded}
        id={(each) => each.GroupName}
        actions={
          <Button variant="primary" onClick={() => setName("")}>
            Create group
          </Button>
        }
        teach={<Box>There are no groups yet. A group's policies hold for all of its members.</Box>}
        columns={[
          { id: "name", header: "Name", cell: (each) => <Link href={to("groups", each.GroupName)}>{each.GroupName}</Link>, isRowHeader: true, sortingField: "GroupName" },
          { id: "arn", header: "ARN", cell: (each) => each.Arn },
          { id: "created", header: "Created", cell: (each) => moment(each.CreateDate), sortingField: "CreateDate" },
        ]}
      />
      {name !== undefined && (
        <Dialog title="Create group" act="Create" disabled={!name} work={() => call("iam", "CreateGroup", { GroupName: name })} close={() => setName(undefined)} done={() => go("groups", name)}>
          <SpaceBetween size="m">
            <FormField label="Group name">
              <Input value={name} onChange={({ detail }) => setName(detail.value)} autoFocus />
            </FormField>
            <Calls calls={[{ service: "iam", operation: "CreateGroup", params: { GroupName: name } }]} />
          </SpaceBetween>
        </Dialog>
      )}
    </>
  );
}
