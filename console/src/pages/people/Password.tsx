import Button from "@cloudscape-design/components/button";
import Checkbox from "@cloudscape-design/components/checkbox";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { call, Refusal } from "../../api/client";
import { Failure } from "../../parts/Failure";
import { moment, type Time } from "../../parts/format";
import { useLoaded } from "../../parts/useLoaded";
import { Dialog } from "./Dialog";

interface Profile {
  CreateDate: Time;
  PasswordResetRequired: boolean;
}

async function profile(UserName: string): Promise<Profile | null> {
  try {
    return (await call<{ LoginProfile: Profile }>("iam", "GetLoginProfile", { UserName })).LoginProfile;
  } catch (error) {
    if (error instanceof Refusal && error.code.startsWith("NoSuchEntity")) return null;
    throw error;
  }
}

/** Whether a user signs in here, and setting the password for it. */
export function Password({ user }: { user: string }) {
  const loaded = useLoaded(() => profile(user), [user]);
  const [asking, setAsking] = useState<"set" | "take">();
  const has = loaded.value;
  if (loaded.error) return <Failure error={loaded.error} again={loaded.again} />;
  return (
    <Container
      header={
        <Header
          variant="h2"
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <Button disabled={!has} onClick={() => setAsking("take")}>
                Remove
              </Button>
              <Button onClick={() => setAsking("set")}>{has ? "Set another" : "Set password"}</Button>
            </SpaceBetween>
          }
        >
          Password
        </Header>
      }
    >
      {has === undefined && "Loading"}
      {has === null && "None: this user does not sign in to the console."}
      {has && `Signs in to the console since ${moment(has.CreateDate)}${has.PasswordResetRequired ? "; must choose another password at the next sign-in" : ""}.`}
      {asking === "set" && <SetPassword user={user} fresh={!has} close={() => setAsking(undefined)} done={loaded.again} />}
      {asking === "take" && (
        <Dialog
          title={`Remove the password of ${user}?`}
          act="Remove"
          work={() => call("iam", "DeleteLoginProfile", { UserName: user })}
          close={() => setAsking(undefined)}
          done={loaded.again}
        >
          Sessions in the console end. Access keys stay.
        </Dialog>
      )}
    </Container>
  );
}

function SetPassword({ user, fresh, close, done }: { user: string; fresh: boolean; close: () => void; done: () => void }) {
  const [password, setPassword] = useState("");
  const [temporary, setTemporary] = useState(true);
  const params = { UserName: user, Password: password, PasswordResetRequired: temporary };
  return (
    <Dialog
      title={`Set the password of ${user}`}
      act="Set password"
      disabled={!password}
      work={() => call("iam", fresh ? "CreateLoginProfile" : "UpdateLoginProfile", params)}
      close={close}
      done={done}
    >
      <FormField label="New password" description={fresh ? undefined : "Sessions that the old one opened end."}>
        <Input type="password" value={password} autoComplete="new-password" onChange={({ detail }) => setPassword(detail.value)} />
      </FormField>
      <Checkbox checked={temporary} onChange={({ detail }) => setTemporary(detail.checked)}>
        Another must be chosen at the next sign-in
      </Checkbox>
    </Dialog>
  );
}

/** One's own, by who knows the old one. */
export function ChangePassword({ close }: { close: () => void }) {
  const [old, setOld] = useState("");
  const [fresh, setFresh] = useState("");
  return (
    <Dialog
      title="Change your password"
      act="Change password"
      disabled={!old || !fresh}
      work={() => call("iam", "ChangePassword", { OldPassword: old, NewPassword: fresh })}
      close={close}
      done={() => location.reload()}
    >
      <FormField label="Old password">
        <Input type="password" value={old} autoComplete="current-password" onChange={({ detail }) => setOld(detail.value)} />
      </FormField>
      <FormField label="New password" description="Then sign in again with it: all your sessions end.">
        <Input type="password" value={fresh} autoComplete="new-password" onChange={({ detail }) => setFresh(detail.value)} />
      </FormField>
    </Dialog>
  );
}
