import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import ContentLayout from "@cloudscape-design/components/content-layout";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import type { Session } from "../../api/client";
import { AccessKeys } from "./AccessKeys";
import { ChangePassword } from "./Password";

const KINDS: Record<string, string> = {
  root: "The account itself, which may everything. Give people users of their own: sagewright users add NAME.",
  role: "A session of a role, opened by your company's identity provider. Your password is kept there.",
};

/** Who is signed in, and what is one's own. */
export function Profile({ session }: { session: Session }) {
  const [asking, setAsking] = useState(false);
  const isUser = session.kind === "user";
  return (
    <ContentLayout header={<Header variant="h1" actions={isUser && <Button onClick={() => setAsking(true)}>Change password</Button>}>{session.user}</Header>}>
      <SpaceBetween size="l">
        <Container>
          <KeyValuePairs
            columns={3}
            items={[
              { label: "ARN", value: session.arn },
              { label: "Account", value: session.account },
              { label: "Region", value: session.region },
            ]}
          />
        </Container>
        {KINDS[session.kind] && <Box>{KINDS[session.kind]}</Box>}
        {isUser && <AccessKeys user={session.user} />}
      </SpaceBetween>
      {asking && <ChangePassword close={() => setAsking(false)} />}
    </ContentLayout>
  );
}
