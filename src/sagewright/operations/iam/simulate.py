"""IAM's simulator: what somebody may do, by the same evaluation that requests pass through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sagewright.operations.access.evaluate import Policies, Policy, Standing, decide
from sagewright.operations.access.positions import spans
from sagewright.operations.access.statements import Names, Statement
from sagewright.operations.call import Call, Params
from sagewright.operations.iam import attached
from sagewright.operations.iam.documents import statements
from sagewright.operations.iam.paging import page
from sagewright.operations.iam.records import GROUP, ROLE, USER, find_by_arn, no_such_entity
from sagewright.operations.table import Operations
from sagewright.resources.record import Record

operations = Operations()

_IDS = {USER: "UserId", ROLE: "RoleId", GROUP: "GroupId"}


@dataclass(frozen=True, slots=True)
class _Simulation:
    """What one request asks its questions to."""

    standing: Standing
    resource_policy: Policies | None
    context: Mapping[str, Sequence[str]]


@operations
def simulate_principal_policy(call: Call, request: Params) -> Params:
    """What the policies of a user, group or role say, and those given with the request."""
    arn = request["PolicySourceArn"]
    found = (find_by_arn(call.store, call.account, kind, arn) for kind in (ROLE, USER, GROUP))
    entity = next((record for record in found if record is not None), None)
    if entity is None:
        raise no_such_entity(f"The entity with ARN {arn} cannot be found.")
    known = attached.of(call.store, entity)
    own = [Policy.read(*source) for source in known.identity]
    boundary = None if known.boundary is None else [Policy.read(*known.boundary)]
    named = frozenset({arn, entity.status[_IDS[entity.key.kind]]})
    # A policy that names a role gives less than one that names a session of it.
    names = Names(call.account, role=named) if entity.key.kind == ROLE else Names(call.account, named)
    if "CallerArn" in request:
        names = Names(call.account, frozenset({request["CallerArn"]}))
    return _simulate(request, own, boundary, names, _claims(entity))


@operations
def simulate_custom_policy(call: Call, request: Params) -> Params:
    """What policies say that nobody has."""
    names = Names(call.account, frozenset({request.get("CallerArn", "")}))
    return _simulate(request, [], None, names, {})


def _claims(entity: Record) -> Mapping[str, Sequence[str]]:
    """The condition keys that follow from whom a simulation is about."""
    claims = {"aws:principalarn": [entity.status["Arn"]], "aws:principalaccount": [entity.key.account]}
    if entity.key.kind == USER:
        claims |= {"aws:username": [entity.name], "aws:userid": [entity.status["UserId"]]}
    return claims | {f"aws:principaltag/{name.lower()}": [value] for name, value in entity.tags.items()}


def _given(member: str, documents: Sequence[str], kind: str = "none") -> list[Policy]:
    for document in documents:
        statements(document)
    return [Policy.read(f"{member}.{number}", kind, document) for number, document in enumerate(documents, start=1)]


def _simulate(
    request: Params,
    own: Sequence[Policy],
    boundary: Sequence[Policy] | None,
    names: Names,
    claims: Mapping[str, Sequence[str]],
) -> Params:
    """Each action on each resource; results come in that order."""
    identity = Policies([*own, *_given("PolicyInputList", request.get("PolicyInputList", ()))])
    if "PermissionsBoundaryPolicyInputList" in request:
        boundary = _given("PermissionsBoundaryPolicyInputList", request["PermissionsBoundaryPolicyInputList"])
    resource_policy = None
    if "ResourcePolicy" in request:
        resource_policy = Policies(_given("ResourcePolicy", [request["ResourcePolicy"]], "resource"))
    entries = {
        entry["ContextKeyName"].lower(): entry.get("ContextKeyValues", [])
        for entry in request.get("ContextEntries", ())
    }
    standing = Standing(names, identity, None if boundary is None else Policies(boundary))
    simulation = _Simulation(standing, resource_policy, {**claims, **entries})
    asked = [
        (action, resource) for action in request["ActionNames"] for resource in request.get("ResourceArns") or ("*",)
    ]
    numbered = [(f"{number:08d}", *pair) for number, pair in enumerate(asked)]
    shown, more = page(numbered, request, "EvaluationResults", lambda row: row[0])
    return {"EvaluationResults": [_result(simulation, action, resource) for _, action, resource in shown], **more}


def _result(simulation: _Simulation, action: str, resource: str) -> Params:
    standing, context = simulation.standing, simulation.context
    outcome = decide(standing, action, resource, context, simulation.resource_policy)
    kinds, verdicts = [standing.identity], [standing.identity.verdict(action, resource, context)]
    if simulation.resource_policy is not None:
        kinds.append(simulation.resource_policy)
        verdicts.append(simulation.resource_policy.verdict(action, resource, context, standing.names))
    result: Params = {
        "EvalActionName": action,
        "EvalResourceName": resource,
        "EvalDecision": "allowed" if outcome.allowed else "explicitDeny" if outcome.explicit else "implicitDeny",
        "MatchedStatements": [
            _matched(policy, statement) for verdict in verdicts for policy, statement in verdict.matched
        ],
        "MissingContextValues": [
            *dict.fromkeys(key for policies in kinds for key in policies.missing(action, resource, context))
        ],
    }
    if standing.boundary is not None:
        within, _ = standing.boundary.decision(action, resource, context)
        result["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": within == "allowed"}
    return result


def _matched(policy: Policy, statement: Statement) -> Params:
    number = next(number for number, each in enumerate(policy.statements) if each is statement)
    span = spans(policy.text)[number]
    places = {"StartPosition": span.start, "EndPosition": span.end}
    return {
        "SourcePolicyId": policy.id,
        "SourcePolicyType": policy.type,
        **{member: {"Line": line, "Column": column} for member, (line, column) in places.items()},
    }
