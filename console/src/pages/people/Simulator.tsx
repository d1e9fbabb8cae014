import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import Container from "@cloudscape-design/components/container";
import ContentLayout from "@cloudscape-design/components/content-layout";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Select, { type SelectProps } from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator, { type StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import Table from "@cloudscape-design/components/table";
import Textarea from "@cloudscape-design/components/textarea";
import { useState, type FormEvent } from "react";
import { Failure } from "../../parts/Failure";
import { useLoaded } from "../../parts/useLoaded";
import { every, type Group, type Role, type User } from "./entities";
import { fault, NEW_POLICY, PolicyText } from "./PolicyText";
import { simulate, type Row } from "./simulation";

const CUSTOM = { label: "A policy that nobody has yet", value: "" };
const DECISIONS: Record<Row["EvalDecision"], [StatusIndicatorProps.Type, string]> = {
  allowed: ["success", "Allowed"],
  explicitDeny: ["error", "Denied by a statement"],
  implicitDeny: ["stopped", "Denied: nothing allows it"],
};

/** All whom one may see; what is refused is left out. */
async function everybody(): Promise<SelectProps.OptionGroup[]> {
  const quietly = <T,>(found: Promise<T[]>) => found.catch((): T[] => []);
  const [users, groups, roles] = await Promise.all([
    quietly(every<User>("ListUsers", "Users")),
    quietly(every<Group>("ListGroups", "Groups")),
    quietly(every<Role>("ListRoles", "Roles")),
  ]);
  return [
    { label: "Users", options: users.map((each) => ({ label: each.UserName, value: each.Arn, tags: ["user"] })) },
    { label: "Groups", options: groups.map((each) => ({ label: each.GroupName, value: each.Arn, tags: ["group"] })) },
    { label: "Roles", options: roles.map((each) => ({ label: each.RoleName, value: each.Arn, tags: ["role"] })) },
    { label: "Else", options: [CUSTOM] },
  ];
}

const lines = (text: string) => text.split("\n").map((each) => each.trim()).filter(Boolean);

/** What somebody may do, by the evaluation that requests pass through. */
export function Simulator({ of }: { of?: string }) {
  const known = useLoaded(everybody, []);
  const [who, setWho] = useState<string | undefined>(of);
  const [policy, setPolicy] = useState(NEW_POLICY);
  const [actions, setActions] = useState("sagemaker:CreateTrainingJob\nsagemaker:DeleteEndpoint\ns3:GetObject");
  const [resources, setResources] = useState("*");
  const [context, setContext] = useState("");
  const [rows, setRows] = useState<Row[]>();
  const [error, setError] = useState<Error>();
  const [busy, setBusy] = useState(false);
  const options = known.value ?? [];
  const chosen = options.flatMap((each) => each.options).find((each) => each.value === who) ?? (who ? { label: who, value: who } : null);
  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    if (who === undefined) return;
    setBusy(true);
    setError(undefined);
    try {
      const pairs = lines(context).map((each): [string, string] => [each.split("=")[0]!.trim(), each.split("=").slice(1).join("=").trim()]);
      setRows(await simulate({ of: who, policy, actions: lines(actions), resources: lines(resources), context: pairs }));
    } catch (failed) {
      setRows(undefined);
      setError(failed as Error);
    }
    setBusy(false);
  }
  const field = (label: string, description: string, value: string, change: (value: string) => void, rows: number) => (
    <FormField label={label} description={description} stretch>
      <Textarea value={value} rows={rows} spellcheck={false} onChange={({ detail }) => change(detail.value)} />
    </FormField>
  );
  return (
    <ContentLayout header={<Header variant="h1" description="Would it be allowed? Asked of the evaluation that real requests pass.">Policy simulator</Header>}>
      <SpaceBetween size="l">
        <form onSubmit={(event) => void submit(event)}>
          <Container>
            <SpaceBetween size="m">
              <FormField label="Whose policies" stretch>
                <Select
                  selectedOption={chosen}
                  options={options}
                  onChange={({ detail }) => setWho(detail.selectedOption.value)}
                  filteringType="auto"
                  statusType={known.loading ? "loading" : "finished"}
                  placeholder="A user, a group or a role"
                  ariaLabel="Whose policies"
                />
              </FormField>
              {who === "" && <PolicyText label="Policy" text={policy} change={setPolicy} />}
              <ColumnLayout columns={2}>
                {field("Actions", "One a line, as policies name them.", actions, setActions, 4)}
                {field("Resources", "One ARN a line; * for none in particular.", resources, setResources, 4)}
              </ColumnLayout>
              <ExpandableSection headerText="Condition keys">
                {field("Values", "One a line: aws:SourceIp = 10.0.0.1", context, setContext, 3)}
              </ExpandableSection>
              <Button variant="primary" loading={busy} disabled={who === undefined || !actions.trim() || (who === "" && fault(policy) !== "")}>
                Simulate
              </Button>
            </SpaceBetween>
          </Container>
        </form>
        {error && <Failure error={error} />}
        {rows && <Results rows={rows} />}
      </SpaceBetween>
    </ContentLayout>
  );
}

function Results({ rows }: { rows: Row[] }) {
  return (
    <Table
      header={<Header variant="h2" counter={`(${rows.length})`}>Decisions</Header>}
      items={rows}
      trackBy={(row) => `${row.EvalActionName} ${row.EvalResourceName}`}
      ariaLabels={{ tableLabel: "Decisions" }}
      wrapLines
      columnDefinitions={[
        { id: "action", header: "Action", isRowHeader: true, cell: (row) => row.EvalActionName },
        { id: "resource", header: "Resource", cell: (row) => row.EvalResourceName },
        {
          id: "decision",
          header: "Decision",
          cell: (row) => <StatusIndicator type={DECISIONS[row.EvalDecision][0]}>{DECISIONS[row.EvalDecision][1]}</StatusIndicator>,
        },
        { id: "why", header: "Because of", minWidth: 280, cell: (row) => <Why row={row} /> },
      ]}
    />
  );
}

function Why({ row }: { row: Row }) {
  return (
    <SpaceBetween size="xs">
      {row.statements.map((each, index) => (
        <ExpandableSection key={index} headerText={`${each.policy}, ${each.lines[0] === each.lines[1] ? `line ${each.lines[0]}` : `lines ${each.lines[0]}–${each.lines[1]}`}`}>
          {each.text ? <pre className="code">{each.text}</pre> : <Box color="text-status-inactive">You may not see this policy.</Box>}
        </ExpandableSection>
      ))}
      {row.PermissionsBoundaryDecisionDetail?.AllowedByPermissionsBoundary === false && <Box>The permissions boundary does not let it through.</Box>}
      {!!row.MissingContextValues.length && <Box color="text-body-secondary">It depends on {row.MissingContextValues.join(", ")}.</Box>}
      {!row.statements.length && <Box color="text-body-secondary">No statement is about it.</Box>}
    </SpaceBetween>
  );
}
