import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Link from "@cloudscape-design/components/link";
import Multiselect, { type MultiselectProps } from "@cloudscape-design/components/multiselect";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { call } from "../../api/client";
import { Failure } from "../../parts/Failure";
import { to } from "../../parts/route";
import { useLoaded } from "../../parts/useLoaded";
import { Dialog } from "./Dialog";
import { Panel } from "./Panel";

interface Props {
  title: string;
  /** Where a row's page is. */
  section: string;
  /** The names of who is in. */
  members: () => Promise<string[]>;
  /** The names of all who could be. */
  candidates: () => Promise<string[]>;
  /** Who joins whom, by a name of the list. */
  pair: (name: string) => { UserName: string; GroupName: string };
  empty: string;
}

/** Who is in a group, or in which groups a user is: the same from both sides. */
export function Members({ title, section, members, candidates, pair, empty }: Props) {
  const loaded = useLoaded(members, [title]);
  const [asking, setAsking] = useState(false);
  const [error, setError] = useState<Error>();
  const leave = (name: string) => void call("iam", "RemoveUserFromGroup", pair(name)).then(loaded.again, setError);
  return (
    <SpaceBetween size="m">
      {error && <Failure error={error} />}
      <Panel
        title={title}
        loaded={loaded}
        id={(name) => name}
        empty={empty}
        actions={<Button onClick={() => setAsking(true)}>Add</Button>}
        columns={[
          { id: "name", header: "Name", isRowHeader: true, cell: (name) => <Link href={to(section, name)}>{name}</Link> },
          {
            id: "take",
            header: "",
            width: 120,
            minWidth: 120,
            cell: (name) => (
              <Button variant="inline-link" ariaLabel={`Remove ${name}`} onClick={() => leave(name)}>
                Remove
              </Button>
            ),
          },
        ]}
      />
      {asking && (
        <Add
          title={title}
          candidates={() => candidates().then((all) => all.filter((each) => !loaded.value?.includes(each)))}
          add={(name) => call("iam", "AddUserToGroup", pair(name))}
          close={() => setAsking(false)}
          done={loaded.again}
        />
      )}
    </SpaceBetween>
  );
}

interface AddProps {
  title: string;
  candidates: () => Promise<string[]>;
  add: (name: string) => Promise<unknown>;
  close: () => void;
  done: () => void;
}

function Add({ title, candidates, add, close, done }: AddProps) {
  const known = useLoaded(candidates, []);
  const [chosen, setChosen] = useState<MultiselectProps.Options>([]);
  async function work(): Promise<void> {
    for (const { value } of chosen) await add(value!);
  }
  return (
    <Dialog title={`Add to ${title.toLowerCase()}`} act="Add" disabled={!chosen.length} work={work} close={close} done={done}>
      {known.error && <Failure error={known.error} />}
      <FormField label={title}>
        <Multiselect
          selectedOptions={chosen}
          options={(known.value ?? []).map((value) => ({ value, label: value }))}
          onChange={({ detail }) => setChosen(detail.selectedOptions)}
          filteringType="auto"
          statusType={known.loading ? "loading" : "finished"}
          placeholder="Choose"
          ariaLabel={title}
          empty="There is nobody else."
        />
      </FormField>
    </Dialog>
  );
}
