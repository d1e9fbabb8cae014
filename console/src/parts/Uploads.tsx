import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import ProgressBar from "@cloudscape-design/components/progress-bar";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useEffect, useRef, useSyncExternalStore } from "react";
import { dropUploads, followUploads, uploadsNow } from "../api/uploads";
import { size } from "./format";

/** How far uploads are. `then` is called as each ends. */
export function Uploads({ then }: { then: () => void }) {
  const uploads = useSyncExternalStore(followUploads, uploadsNow);
  const ended = uploads.filter((each) => each.state === "done" || each.state === "failed").length;
  const before = useRef(ended);
  const under = uploads.length > ended;
  useEffect(() => {
    if (ended > before.current) then();
    before.current = ended;
  }, [ended]);
  useEffect(() => {
    if (!under) return;
    const ask = (event: Event) => event.preventDefault();
    addEventListener("beforeunload", ask);
    return () => removeEventListener("beforeunload", ask);
  }, [under]);
  if (!uploads.length) return null;
  const failed = uploads.filter((each) => each.state === "failed");
  const sum = (of: "size" | "sent") => uploads.reduce((all, each) => all + each[of], 0);
  const share = sum("size") ? (100 * sum("sent")) / sum("size") : (100 * ended) / uploads.length;
  const said = uploads.length === 1 ? uploads[0]!.key.split("/").at(-1)! : `${uploads.length} files`;
  return (
    <SpaceBetween size="xs">
      <ProgressBar
        variant="standalone"
        label={`Upload of ${said}`}
        value={Math.min(100, share)}
        status={under ? "in-progress" : failed.length ? "error" : "success"}
        resultText={failed.length ? `${failed.length} of ${uploads.length} failed` : `${said} uploaded`}
        additionalInfo={under ? `${size(sum("sent"))} of ${size(sum("size"))}, ${ended} of ${uploads.length} done` : undefined}
        resultButtonText="Close"
        onResultButtonClick={dropUploads}
      />
      {under && <Button onClick={dropUploads}>Stop uploading</Button>}
      {failed.length > 0 && (
        <Alert type="error" header="Not uploaded">
          {failed.slice(0, 5).map((each) => (
            <div key={each.id}>
              {each.key}: {each.error}
            </div>
          ))}
          {failed.length > 5 && `and ${failed.length - 5} more`}
        </Alert>
      )}
    </SpaceBetween>
  );
}
