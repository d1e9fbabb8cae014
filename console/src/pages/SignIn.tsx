import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Form from "@cloudscape-design/components/form";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useEffect, useState, type FormEvent } from "react";
import { COMPANY_SIGN_IN, identityProvider, Refusal, signIn } from "../api/client";
import { go, keepPlace, useRoute } from "../parts/route";

/** Why signing in at the company's identity provider came to nothing, by what the server adds to the address. */
const FAILURES: Record<string, string> = {
  role: "You are signed in there, but none of your groups has a role here. Ask who runs this server to give one of them a role.",
  refused: "The identity provider did not let you in.",
  again: "That sign-in was used, or has run out. Begin again.",
  attempts: "Too many sign-ins were begun from here. Wait some minutes.",
  provider: "The identity provider does not answer, or said something that does not hold. The server's log has more.",
};

export function SignIn({ then }: { then: () => void }) {
  const route = useRoute();
  const [user, setUser] = useState("");
  const [password, setPassword] = useState("");
  const [fresh, setFresh] = useState<string>();
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  const [provider, setProvider] = useState("");
  useEffect(() => {
    identityProvider().then(setProvider, () => undefined);
  }, []);
  const failure = FAILURES[route.query.get("failed") ?? ""];
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
              {failure && <Alert type={route.query.get("failed") === "role" ? "warning" : "error"}>{failure}</Alert>}
              {provider && (
                <Button href={COMPANY_SIGN_IN} fullWidth formAction="none" onClick={() => keepPlace(route.path[0] === "sign-in" ? "" : location.hash)}>
                  Sign in with {provider}
                </Button>
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
