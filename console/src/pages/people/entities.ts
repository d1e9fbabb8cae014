// Users, groups and roles: what IAM does alike for the three.
import { all, call, type Params } from "../../api/client";
import type { Time } from "../../parts/format";

export type Noun = "User" | "Group" | "Role";

export interface Entity {
  Arn: string;
  CreateDate: Time;
  Path: string;
}
export interface User extends Entity {
  UserName: string;
  UserId: string;
}
export interface Group extends Entity {
  GroupName: string;
}
export interface Role extends Entity {
  RoleName: string;
  Description?: string;
  AssumeRolePolicyDocument: string;
  MaxSessionDuration: number;
  RoleLastUsed?: { LastUsedDate?: Time; Region?: string };
}
export interface Policy {
  PolicyName: string;
  Arn: string;
  DefaultVersionId: string;
  AttachmentCount: number;
  Description?: string;
}
export interface Attached {
  PolicyName: string;
  PolicyArn: string;
}

const TOKEN: [string, string] = ["Marker", "Marker"];

/** Everything of a listing of IAM's. */
export function every<T>(operation: string, member: string, params: Params = {}): Promise<T[]> {
  return all<T>("iam", operation, member, params, TOKEN, 5000);
}

/** An operation about one entity: `about("User", "ann", "ListAttached…Policies")`, the noun in the dots' place. */
export function about<T = unknown>(noun: Noun, name: string, operation: string, more: Params = {}): Promise<T> {
  return call<T>("iam", operation.replace("…", noun), { [`${noun}Name`]: name, ...more });
}

export const attachedTo = (noun: Noun, name: string) =>
  every<Attached>(`ListAttached${noun}Policies`, "AttachedPolicies", { [`${noun}Name`]: name });

export const inlineOf = (noun: Noun, name: string) => every<string>(`List${noun}Policies`, "PolicyNames", { [`${noun}Name`]: name });

/** IAM's answers hold documents percent-encoded. */
export function document(text: string): string {
  const plain = decodeURIComponent(text);
  try {
    return JSON.stringify(JSON.parse(plain), null, 2);
  } catch {
    return plain;
  }
}

/** Delete it with all that IAM wants gone before. */
export async function remove(noun: Noun, name: string): Promise<void> {
  const quietly = (gone: Promise<unknown>) =>
    gone.catch((error: { code?: string }) => {
      if (!error.code?.startsWith("NoSuchEntity")) throw error;
    });
  if (noun === "User") {
    const keys = await every<{ AccessKeyId: string }>("ListAccessKeys", "AccessKeyMetadata", { UserName: name });
    for (const { AccessKeyId } of keys) await quietly(call("iam", "DeleteAccessKey", { UserName: name, AccessKeyId }));
    await quietly(call("iam", "DeleteLoginProfile", { UserName: name }));
    for (const { GroupName } of await every<Group>("ListGroupsForUser", "Groups", { UserName: name }))
      await quietly(call("iam", "RemoveUserFromGroup", { UserName: name, GroupName }));
  }
  if (noun === "Group") {
    for (const { UserName } of await every<User>("GetGroup", "Users", { GroupName: name }))
      await quietly(call("iam", "RemoveUserFromGroup", { UserName, GroupName: name }));
  }
  if (noun === "Role") {
    for (const { InstanceProfileName } of await every<{ InstanceProfileName: string }>("ListInstanceProfilesForRole", "InstanceProfiles", { RoleName: name }))
      await quietly(call("iam", "RemoveRoleFromInstanceProfile", { RoleName: name, InstanceProfileName }));
  }
  for (const { PolicyArn } of await attachedTo(noun, name)) await quietly(about(noun, name, "Detach…Policy", { PolicyArn }));
  for (const PolicyName of await inlineOf(noun, name)) await quietly(about(noun, name, "Delete…Policy", { PolicyName }));
  await about(noun, name, "Delete…");
}
