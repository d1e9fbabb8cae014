import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import { Refusal } from "../api/client";

const HEADERS: Record<string, string> = {
  AccessDeniedException: "You may not see this",
  AccessDenied: "You may not do this",
};

/** What went wrong, in the server's words, and a way to try again. */
export function Failure({ error, again }: { error: Error; again?: () => void }) {
  const header = (error instanceof Refusal && HEADERS[error.code]) || "This did not work";
  return (
    <Alert type="error" header={header} action={again && <Button onClick={again}>Try again</Button>}>
      {error.message}
    </Alert>
  );
}
