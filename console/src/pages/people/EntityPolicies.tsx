import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Link from "@cloudscape-design/components/link";
import Multiselect, { type MultiselectProps } from "@cloudscape-design/components/multiselect";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { Failure } from "../../parts/Failure";
import { to } from "../../parts/route";
import { useLoaded } from "../../parts/useLoaded";
import { Dialog } from "./Dialog";
import { about, attachedTo, document, every, inlineOf, type Noun, type Policy } from "./entities";
import { Panel } from "./Panel";
import { fault, NEW_POLICY, PolicyText } from "./PolicyText";

interface Row {
  name: string;
  /** Of a managed policy; none for one that is the entity's own. */
  arn?: string;
}

async function policies(noun: Noun, name: string): Promise<Row[]> {
  const [attached, inline] = await Promise.all([attachedTo(noun, name), inlineOf(noun, name)]);
  return [...attached.map((each) => ({ name: each.PolicyName, arn: each.PolicyArn })), ...inline.map((each) => ({ name: each }))];
}

/** The policies that somebody has of his own: managed ones that are attached, and those that are written for it alone. */
export function EntityPolicies({ noun, name }: { noun: Noun; name: string }) {
  const loaded = useLoaded(() => policies(noun, name), [noun, name]);
  const [asking, setAsking] = useState<"attach" | { name: string; text: string; fresh: boolean }>();
  const [error, setError] = useState<Error>();
  const act = (work: Promise<unknown>) => {
    setError(undefined);
    work.then(loaded.again, setError);
  };
  async function edit(PolicyName: string): Promise<void> {
    const found = await about<{ PolicyDocument: string }>(noun, name, "Get…Policy", { PolicyName });
    setAsking({ name: PolicyName, text: document(found.PolicyDocument), fresh: false });
  }
  const take = (row: Row) =>
    row.arn ? about(noun, name, "Detach…Policy", { PolicyArn: row.arn }) : about(noun, name, "Delete…Policy", { PolicyName: row.name });
  const close = () => setAsking(undefined);
  return (
    <SpaceBetween size="m">
      {error && <Failure error={error} />}
      <Panel
        title="Policies"
        loaded={loaded}
        id={(row) => row.arn ?? row.name}
        empty="No policy of its own: nothing is allowed by it."
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            <Button onClick={() => setAsking({ name: "", text: NEW_POLICY, fresh: true })}>Write</Button>
            <Button onClick={() => setAsking("attach")}>Attach</Button>
          </SpaceBetween>
        }
        columns={[
          {
            id: "name",
            header: "Name",
            isRowHeader: true,
            cell: (row) => (row.arn ? <Link href={to("policies", row.arn)}>{row.name}</Link> : <Button variant="inline-link" onClick={() => act(edit(row.name))}>{row.name}</Button>),
          },
          { id: "kind", header: "Kind", cell: (row) => (!row.arn ? "Inline" : row.arn.includes(":iam::aws:") ? "AWS managed" : "Managed") },
          {
            id: "take",
            header: "",
            width: 120,
            minWidth: 120,
            cell: (row) => (
              <Button variant="inline-link" ariaLabel={`${row.arn ? "Detach" : "Delete"} ${row.name}`} onClick={() => act(take(row))}>
                {row.arn ? "Detach" : "Delete"}
              </Button>
            ),
          },
        ]}
      />
      {asking === "attach" && <Attach noun={noun} name={name} has={loaded.value ?? []} close={close} done={loaded.again} />}
      {typeof asking === "object" && (
        <Dialog
          wide
          title={asking.fresh ? `A policy for ${name} alone` : asking.name}
          act="Save"
          disabled={!asking.name || fault(asking.text) !== ""}
          work={() => about(noun, name, "Put…Policy", { PolicyName: asking.name, PolicyDocument: asking.text })}
          close={close}
          done={loaded.again}
        >
          {asking.fresh && (
            <FormField label="Policy name">
              <Input value={asking.name} onChange={({ detail }) => setAsking({ ...asking, name: detail.value })} />
            </FormField>
          )}
          <PolicyText label="Document" text={asking.text} change={(text) => setAsking({ ...asking, text })} />
        </Dialog>
      )}
    </SpaceBetween>
  );
}

function Attach({ noun, name, has, close, done }: { noun: Noun; name: string; has: Row[]; close: () => void; done: () => void }) {
  const known = useLoaded(() => every<Policy>("ListPolicies", "Policies"), []);
  const [chosen, setChosen] = useState<MultiselectProps.Options>([]);
  const arns = new Set(has.map((each) => each.arn));
  async function attach(): Promise<void> {
    for (const { value } of chosen) await about(noun, name, "Attach…Policy", { PolicyArn: value });
  }
  return (
    <Dialog title={`Attach policies to ${name}`} act="Attach" disabled={!chosen.length} work={attach} close={close} done={done}>
      {known.error && <Failure error={known.error} />}
      <FormField label="Policies">
        <Multiselect
          selectedOptions={chosen}
          options={(known.value ?? []).filter((each) => !arns.has(each.Arn)).map((each) => ({ label: each.PolicyName, value: each.Arn, description: each.Description }))}
          onChange={({ detail }) => setChosen(detail.selectedOptions)}
          filteringType="auto"
          statusType={known.loading ? "loading" : "finished"}
          placeholder="Choose policies"
          ariaLabel="Policies"
        />
      </FormField>
    </Dialog>
  );
}
