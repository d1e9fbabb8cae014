import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState, type FormEvent, type ReactNode } from "react";
import { Failure } from "../../parts/Failure";

interface Props {
  title: string;
  /** What the button says. */
  act: string;
  /** What it does; the dialog closes when it is done. */
  work: () => Promise<unknown>;
  close: () => void;
  done?: () => void;
  disabled?: boolean;
  wide?: boolean;
  children: ReactNode;
}

/** A question in a window of its own, which stays with what was refused. */
export function Dialog({ title, act, work, close, done, disabled, wide, children }: Props) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error>();
  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    if (busy || disabled) return;
    setBusy(true);
    try {
      await work();
      close();
      done?.();
    } catch (failed) {
      setError(failed as Error);
      setBusy(false);
    }
  }
  return (
    <Modal visible header={title} onDismiss={close} size={wide ? "large" : "medium"} closeAriaLabel="Close">
      <form onSubmit={(event) => void submit(event)}>
        <SpaceBetween size="m">
          {children}
          {error && <Failure error={error} />}
          <Box float="right">
            <SpaceBetween direction="horizontal" size="xs">
              <Button formAction="none" variant="link" onClick={close}>
                Cancel
              </Button>
              <Button variant="primary" loading={busy} disabled={disabled}>
                {act}
              </Button>
            </SpaceBetween>
          </Box>
        </SpaceBetween>
      </form>
    </Modal>
  );
}
