import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import CopyToClipboard from "@cloudscape-design/components/copy-to-clipboard";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useState } from "react";
import { call } from "../../api/client";
import { Failure } from "../../parts/Failure";
import { moment, type Time } from "../../parts/format";
import { useLoaded } from "../../parts/useLoaded";
import { Dialog } from "./Dialog";
import { every } from "./entities";
import { Panel } from "./Panel";

interface Key {
  AccessKeyId: string;
  Status: "Active" | "Inactive";
  CreateDate: Time;
  used: string;
}
interface Made {
  AccessKeyId: string;
  SecretAccessKey: string;
}
interface Use {
  LastUsedDate?: Time;
  ServiceName: string;
}

async function keys(UserName: string): Promise<Key[]> {
  const found = await every<Key>("ListAccessKeys", "AccessKeyMetadata", { UserName });
  const uses = found.map(async ({ AccessKeyId }) => {
    const { AccessKeyLastUsed: use } = await call<{ AccessKeyLastUsed: Use }>("iam", "GetAccessKeyLastUsed", { AccessKeyId });
    return use.LastUsedDate === undefined ? "Never" : `${moment(use.LastUsedDate)}, ${use.ServiceName}`;
  });
  // Who may list keys may perhaps not see when they were used.
  return Promise.all(found.map(async (key, index) => ({ ...key, used: await uses[index]!.catch(() => "–") })));
}

/** A user's access keys: two at most. */
export function AccessKeys({ user }: { user: string }) {
  const loaded = useLoaded(() => keys(user), [user]);
  const [made, setMade] = useState<Made>();
  const [gone, setGone] = useState<string>();
  const [error, setError] = useState<Error>();
  const act = <T,>(work: Promise<T>, then: (value: T) => void = () => undefined) => {
    setError(undefined);
    work.then((value) => {
      then(value);
      loaded.again();
    }, setError);
  };
  const create = () => act(call<{ AccessKey: Made }>("iam", "CreateAccessKey", { UserName: user }), ({ AccessKey }) => setMade(AccessKey));
  const turn = ({ AccessKeyId, Status }: Key) =>
    act(call("iam", "UpdateAccessKey", { UserName: user, AccessKeyId, Status: Status === "Active" ? "Inactive" : "Active" }));
  return (
    <SpaceBetween size="m">
      {error && <Failure error={error} />}
      <Panel
        title="Access keys"
        description="What boto3 and the AWS CLI sign with."
        loaded={loaded}
        id={(key) => key.AccessKeyId}
        empty="No access keys."
        actions={<Button onClick={create}>Create access key</Button>}
        columns={[
          { id: "id", header: "Access key", cell: (key) => key.AccessKeyId, isRowHeader: true },
          { id: "status", header: "Status", cell: (key) => <StatusIndicator type={key.Status === "Active" ? "success" : "stopped"}>{key.Status}</StatusIndicator> },
          { id: "created", header: "Created", cell: (key) => moment(key.CreateDate) },
          { id: "used", header: "Last used", cell: (key) => key.used },
          {
            id: "act",
            header: "",
            minWidth: 180,
            cell: (key) => (
              <SpaceBetween direction="horizontal" size="xs">
                <Button variant="inline-link" ariaLabel={`${key.Status === "Active" ? "Deactivate" : "Activate"} ${key.AccessKeyId}`} onClick={() => turn(key)}>
                  {key.Status === "Active" ? "Deactivate" : "Activate"}
                </Button>
                <Button variant="inline-link" ariaLabel={`Delete ${key.AccessKeyId}`} onClick={() => setGone(key.AccessKeyId)}>
                  Delete
                </Button>
              </SpaceBetween>
            ),
          },
        ]}
      />
      {made && <Shown made={made} close={() => setMade(undefined)} />}
      {gone && (
        <Dialog
          title={`Delete ${gone}?`}
          act="Delete"
          work={() => call("iam", "DeleteAccessKey", { UserName: user, AccessKeyId: gone })}
          close={() => setGone(undefined)}
          done={loaded.again}
        >
          What signs with it is refused from then on.
        </Dialog>
      )}
    </SpaceBetween>
  );
}

/** A new key, this once. */
function Shown({ made, close }: { made: Made; close: () => void }) {
  const value = (text: string, what: string) => (
    <CopyToClipboard variant="inline" textToCopy={text} copyButtonAriaLabel={`Copy ${what}`} copySuccessText="Copied" copyErrorText="Not copied" />
  );
  const lines = `[default]\naws_access_key_id = ${made.AccessKeyId}\naws_secret_access_key = ${made.SecretAccessKey}\nendpoint_url = ${location.origin}\n`;
  return (
    <Modal
      visible
      header="A new access key"
      onDismiss={close}
      closeAriaLabel="Close"
      footer={
        <Box float="right">
          <Button variant="primary" onClick={close}>
            Done
          </Button>
        </Box>
      }
    >
      <SpaceBetween size="m">
        <Alert type="warning">The secret is shown this once. Copy it now: nobody can see it later.</Alert>
        <KeyValuePairs
          items={[
            { label: "Access key", value: value(made.AccessKeyId, "access key") },
            { label: "Secret access key", value: value(made.SecretAccessKey, "secret access key") },
          ]}
        />
        <CopyToClipboard
          copyButtonText="Copy as a profile of ~/.aws/credentials"
          textToCopy={lines}
          copySuccessText="Copied"
          copyErrorText="Not copied"
        />
      </SpaceBetween>
    </Modal>
  );
}
