import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import { about, every, type Group as GroupEntity, type User as Entity } from "./entities";
import { Failure } from "../../parts/Failure";
import { moment } from "../../parts/format";
import { to } from "../../parts/route";
import { useLoaded } from "../../parts/useLoaded";
import { AccessKeys } from "./AccessKeys";
import { EntityPolicies } from "./EntityPolicies";
import { Members } from "./Members";
import { Page } from "./Page";
import { Password } from "./Password";

export const groupsOf = (user: string) =>
  every<GroupEntity>("ListGroupsForUser", "Groups", { UserName: user }).then((found) => found.map((each) => each.GroupName));

export const simulating = (arn: string) => `${to("simulator")}?of=${encodeURIComponent(arn)}`;

export function User({ name }: { name: string }) {
  const loaded = useLoaded(() => about<{ User: Entity }>("User", name, "Get…"), [name]);
  const user = loaded.value?.User;
  if (loaded.error && !user) return <Failure error={loaded.error} again={loaded.again} />;
  if (!user) return null;
  return (
    <Page noun="User" name={name} list="users" actions={<Button href={simulating(user.Arn)}>Simulate</Button>}>
      <Container>
        <KeyValuePairs
          columns={3}
          items={[
            { label: "ARN", value: user.Arn },
            { label: "Id", value: user.UserId },
            { label: "Created", value: moment(user.CreateDate) },
          ]}
        />
      </Container>
      <EntityPolicies noun="User" name={name} />
      <Members
        title="Groups"
        section="groups"
        members={() => groupsOf(name)}
        candidates={() => every<GroupEntity>("ListGroups", "Groups").then((found) => found.map((each) => each.GroupName))}
        pair={(GroupName) => ({ UserName: name, GroupName })}
        empty="In no group."
      />
      <AccessKeys user={name} />
      <Password user={name} />
    </Page>
  );
}

export function Group({ name }: { name: string }) {
  const members = () => every<Entity>("GetGroup", "Users", { GroupName: name }).then((found) => found.map((each) => each.UserName));
  const loaded = useLoaded(members, [name]);
  if (loaded.error && !loaded.value) return <Failure error={loaded.error} again={loaded.again} />;
  if (!loaded.value) return null;
  return (
    <Page noun="Group" name={name} list="groups">
      <EntityPolicies noun="Group" name={name} />
      <Members
        title="Members"
        section="users"
        members={members}
        candidates={() => every<Entity>("ListUsers", "Users").then((found) => found.map((each) => each.UserName))}
        pair={(UserName) => ({ UserName, GroupName: name })}
        empty="Nobody is in it yet."
      />
    </Page>
  );
}
