import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { Refusal } from "../api/client";

const HEADERS: Record<string, string> = {
  AccessDeniedException: "You may not see this",
  AccessDenied: "You may not do this",
};
/** How the gate says that nothing allows something; S3's resources are in quotes, IAM's are not always ARNs. */
const MISSING = /not authorized to perform: (\S+) on resource: (?:"?(arn:[^\s"]+|\*))?.*because no identity-based policy allows/;

/** What went wrong, in the server's words, what helps against it, and a way to try again. */
export function Failure({ error, again }: { error: Error; again?: () => void }) {
  const header = (error instanceof Refusal && HEADERS[error.code]) || "This did not work";
  const missing = MISSING.exec(error.message);
  return (
    <Alert type="error" header={header} action={again && <Button onClick={again}>Try again</Button>}>
      <SpaceBetween size="xs">
        <span className="name">{error.message}</span>
        {missing && (
          <div>
            <Box variant="p">Whoever looks after the account can allow it, with this statement in a policy of yours:</Box>
            <pre className="code">{JSON.stringify({ Effect: "Allow", Action: missing[1], Resource: missing[2] ?? "*" }, null, 2)}</pre>
          </div>
        )}
      </SpaceBetween>
    </Alert>
  );
}
