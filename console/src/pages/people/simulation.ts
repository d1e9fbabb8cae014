// What a simulation asks, and where the statements stand that decided.
import { call, type Params } from "../../api/client";
import { about, attachedTo, every, inlineOf, type Group, type Noun, type Policy } from "./entities";

interface Position {
  Line: number;
  Column: number;
}
interface Matched {
  SourcePolicyId: string;
  SourcePolicyType: string;
  StartPosition: Position;
  EndPosition: Position;
}
interface Result {
  EvalActionName: string;
  EvalResourceName: string;
  EvalDecision: "allowed" | "explicitDeny" | "implicitDeny";
  MatchedStatements: Matched[];
  MissingContextValues: string[];
  PermissionsBoundaryDecisionDetail?: { AllowedByPermissionsBoundary: boolean };
}
export interface Statement {
  policy: string;
  type: string;
  lines: [first: number, last: number];
  /** None where it may not be seen. */
  text?: string;
}
export interface Row extends Result {
  statements: Statement[];
}
export interface Question {
  /** An ARN; "" for the policy below. */
  of: string;
  policy: string;
  actions: string[];
  resources: string[];
  context: [key: string, value: string][];
}

export async function simulate({ of, policy, actions, resources, context }: Question): Promise<Row[]> {
  const params: Params = {
    ActionNames: actions,
    ResourceArns: resources.length ? resources : undefined,
    ContextEntries: context.map(([key, value]) => ({ ContextKeyName: key, ContextKeyValues: [value], ContextKeyType: "string" })),
    ...(of ? { PolicySourceArn: of } : { PolicyInputList: [policy] }),
  };
  const results = await every<Result>(of ? "SimulatePrincipalPolicy" : "SimulateCustomPolicy", "EvaluationResults", params);
  const ids = new Set(results.flatMap((each) => each.MatchedStatements.map((matched) => matched.SourcePolicyId)));
  const texts = of ? await textsOf(of, ids) : new Map([["PolicyInputList.1", policy]]);
  return results.map((each) => ({ ...each, statements: each.MatchedStatements.map((matched) => stated(matched, texts)) }));
}

function stated({ SourcePolicyId, SourcePolicyType, StartPosition, EndPosition }: Matched, texts: Map<string, string>): Statement {
  const text = texts.get(SourcePolicyId);
  return { policy: SourcePolicyId, type: SourcePolicyType, lines: [StartPosition.Line, EndPosition.Line], text: text && cut(text, StartPosition, EndPosition) };
}

function cut(text: string, start: Position, end: Position): string {
  const lines = text.split("\n").slice(start.Line - 1, end.Line);
  lines[lines.length - 1] = lines.at(-1)!.slice(0, end.Column - 1);
  const piece = lines.join("\n").slice(start.Column - 1);
  try {
    return JSON.stringify(JSON.parse(piece), null, 2);
  } catch {
    return piece;
  }
}

/** The texts of the policies of these ids, as far as they may be seen. */
async function textsOf(arn: string, ids: Set<string>): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  const kind = arn.split(":")[5]?.split("/")[0] ?? "";
  const holder: [Noun, string] = [(kind[0]!.toUpperCase() + kind.slice(1)) as Noun, arn.split("/").at(-1)!];
  const groups = holder[0] === "User" ? await every<Group>("ListGroupsForUser", "Groups", { UserName: holder[1] }).catch(() => []) : [];
  for (const [noun, name] of [holder, ...groups.map((each): [Noun, string] => ["Group", each.GroupName])]) {
    for (const { PolicyName, PolicyArn } of await attachedTo(noun, name).catch(() => []))
      if (ids.has(PolicyName) && !texts.has(PolicyName)) await managed(PolicyArn).then((text) => texts.set(PolicyName, text), () => undefined);
    for (const PolicyName of await inlineOf(noun, name).catch(() => [])) {
      const id = `${noun.toLowerCase()}_${name}_${PolicyName}`;
      const text = ids.has(id) && (await about<{ PolicyDocument: string }>(noun, name, "Get…Policy", { PolicyName }).catch(() => undefined));
      if (text) texts.set(id, decodeURIComponent(text.PolicyDocument));
    }
  }
  return texts;
}

async function managed(PolicyArn: string): Promise<string> {
  const { Policy: policy } = await call<{ Policy: Policy }>("iam", "GetPolicy", { PolicyArn });
  const found = await call<{ PolicyVersion: { Document: string } }>("iam", "GetPolicyVersion", { PolicyArn, VersionId: policy.DefaultVersionId });
  return decodeURIComponent(found.PolicyVersion.Document);
}
