import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Form from "@cloudscape-design/components/form";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState, type FormEvent } from "react";
import { Refusal, signIn } from "../api/client";
import { go, useRoute } from "../parts/route";

export function SignIn({ then }: { then: () => void }) {
  const route = useRoute();
  const [user, setUser] = useState("");
  const [password, setPassword] = useState("");
  const [fresh, setFresh] = useState<string>();
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    setBusy(true);
    try {
      await signIn(user, password, fresh);
      if (route.path[0] === "sign-in") go();
      then();
    } catch (failed) {
      if (failed instanceof Refusal && failed.code === "PasswordResetRequired") setFresh("");
      setError((failed as Error).message);
    }
    setBusy(false);
  }
  return (
    <main className="sign-in">
      <form onSubmit={(event) => void submit(event)}>
        <Form
          actions={
            <Button variant="primary" loading={busy}>
              Sign in
            </Button>
          }
          errorText={error}
        >
          <Container header={<Header variant="h1">Sagewright</Header>}>
            <SpaceBetween size="m">
              {route.query.get("link") === "used" && (
                <Alert type="warning">This link was used, or has run out. `sagewright console` prints another.</Alert>
              )}
              <FormField label="User name">
                <Input value={user} onChange={({ detail }) => setUser(detail.value)} autoFocus autoComplete="username" name="user" />
              </FormField>
              <FormField label="Password">
                <Input type="password" value={password} onChange={({ detail }) => setPassword(detail.value)} autoComplete="current-password" name="password" />
              </FormField>
              {fresh !== undefined && (
                <FormField label="New password">
                  <Input type="password" value={fresh} onChange={({ detail }) => setFresh(detail.value)} autoComplete="new-password" name="new" />
                </FormField>
              )}
              <Box color="text-body-secondary" fontSize="body-s">
                On the server, <code>sagewright users add NAME</code> makes a user, and <code>sagewright console</code> prints a link that
                signs you in as root.
              </Box>
            </SpaceBetween>
          </Container>
        </Form>
      </form>
    </main>
  );
}
