"""IAM's simulator: what a role may do, by the same evaluation that requests pass through."""

from __future__ import annotations

from collections.abc import Sequence

from sagewright.operations.access.evaluate import Policies, Policy
from sagewright.operations.access.patterns import Context
from sagewright.operations.call import Call, Params
from sagewright.operations.iam import managed
from sagewright.operations.iam.documents import statements
from sagewright.operations.iam.paging import page
from sagewright.operations.iam.records import find_role, no_such_entity
from sagewright.operations.table import Operations
from sagewright.resources.record import Record
from sagewright.store.base import Store

operations = Operations()


@operations
def simulate_principal_policy(call: Call, request: Params) -> Params:
    """What the policies of a role say, and those given with the request."""
    role = find_role(call.store, call.account, request["PolicySourceArn"])
    if role is None:
        raise no_such_entity(f"The role with ARN {request['PolicySourceArn']} cannot be found.")
    policies = [*policies_of(call.store, call.account, role), *_given(request.get("PolicyInputList", ()))]
    own = {"aws:principalarn": [role.status["Arn"]], "aws:principalaccount": [call.account]}
    return _simulate(request, policies, boundary_of(call.store, call.account, role), own)


@operations
def simulate_custom_policy(call: Call, request: Params) -> Params:
    """What policies say that nobody has."""
    return _simulate(request, _given(request["PolicyInputList"]), None, {})


def policies_of(store: Store, account: str, role: Record) -> list[Policy]:
    """A role's identity policies: those attached and those it holds inline."""
    found: list[Policy] = []
    for arn in role.spec["Attached"]:
        policy = managed.find(store, account, arn)
        if policy is not None:
            kind = "aws-managed" if policy.record is None else "user-managed"
            found.append(Policy.read(policy.name, kind, policy.document))
    for name, document in role.spec["Inline"].items():
        found.append(Policy.read(f"role_{role.name}_{name}", "role", document))
    return found


def boundary_of(store: Store, account: str, role: Record) -> list[Policy] | None:
    """What a role's permissions stay within; None where there is no boundary."""
    arn = role.spec.get("PermissionsBoundary")
    if arn is None:
        return None
    policy = managed.find(store, account, arn)
    return [] if policy is None else [Policy.read(policy.name, "user-managed", policy.document)]


def _given(documents: Sequence[str]) -> list[Policy]:
    for document in documents:
        statements(document)
    return [
        Policy.read(f"PolicyInputList.{number}", "none", document) for number, document in enumerate(documents, start=1)
    ]


def _simulate(request: Params, policies: Sequence[Policy], boundary: Sequence[Policy] | None, own: Context) -> Params:
    """Each action on each resource; results come in that order."""
    if "PermissionsBoundaryPolicyInputList" in request:
        boundary = _given(request["PermissionsBoundaryPolicyInputList"])
    entries = request.get("ContextEntries", ())
    context = {**own, **{entry["ContextKeyName"].lower(): entry.get("ContextKeyValues", []) for entry in entries}}
    asked = [
        (action, resource) for action in request["ActionNames"] for resource in request.get("ResourceArns") or ("*",)
    ]
    numbered = [(f"{number:08d}", *pair) for number, pair in enumerate(asked)]
    shown, more = page(numbered, request, "EvaluationResults", lambda row: row[0])
    results = [_result(action, resource, policies, boundary, context) for _, action, resource in shown]
    return {"EvaluationResults": results, **more}


def _result(
    action: str, resource: str, policies: Sequence[Policy], boundary: Sequence[Policy] | None, context: Context
) -> Params:
    asked = Policies(policies)
    verdict = asked.verdict(action, resource, context)
    result: Params = {
        "EvalActionName": action,
        "EvalResourceName": resource,
        "EvalDecision": verdict.decision,
        "MatchedStatements": [
            {"SourcePolicyId": policy.id, "SourcePolicyType": policy.type} for policy in verdict.matched
        ],
        "MissingContextValues": asked.missing(action, resource, context),
    }
    if boundary is not None:
        within = Policies(boundary).verdict(action, resource, context).decision
        result["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": within == "allowed"}
        if within == "explicitDeny" or (within == "implicitDeny" and verdict.decision == "allowed"):
            result["EvalDecision"] = within
    return result
