"""All kinds of policies together, as AWS documents how they combine within an account."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagewright.operations.access.evaluate import Policies, Policy, Standing, decide
from sagewright.operations.access.statements import Names

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/service/worker"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/me"
NAMES = Names(ACCOUNT, frozenset({SESSION, "AROA1:me"}), frozenset({ROLE, "AROA1"}))
ACTION, RESOURCE = "s3:GetObject", "arn:aws:s3:::box/key"


def policies(effect: str | None, **members: Any) -> Policies:
    """One statement about everything; none at all for None."""
    if effect is None:
        return Policies([])
    statement = {"Effect": effect, "Action": "*", "Resource": "*", **members}
    return Policies([Policy.read("p", "role", json.dumps({"Version": "2012-10-17", "Statement": [statement]}))])


def outcome(
    identity: str | None = None,
    resource: Policies | None = None,
    *,
    boundary: Policies | None = None,
    session: Policies | None = None,
    root: bool = False,
    must: bool = False,
) -> tuple[bool, bool, str]:
    standing = Standing(NAMES, policies(identity), boundary, session, root)
    found = decide(standing, ACTION, RESOURCE, {}, resource, resource_must_allow=must)
    return (found.allowed, found.explicit, found.kind if not found.allowed else "")


ALLOWED = (True, False, "")
ALLOW, DENY, SILENT = policies("Allow"), policies("Deny"), policies(None)


def naming(principal: Any, effect: str = "Allow") -> Policies:
    return policies(effect, Principal=principal)


def test_nothing_said_is_denied() -> None:
    assert outcome() == (False, False, "identity-based policy")


def test_boundary_and_session_policy_narrow_what_identity_policies_give() -> None:
    assert outcome("Allow", boundary=ALLOW, session=ALLOW) == ALLOWED
    assert outcome("Allow", boundary=SILENT, session=ALLOW) == (False, False, "permissions boundary")
    assert outcome("Allow", boundary=ALLOW, session=SILENT) == (False, False, "session policy")
    assert outcome(None, boundary=ALLOW, session=ALLOW) == (False, False, "identity-based policy")


@pytest.mark.parametrize("principal", ["*", {"AWS": "*"}, {"AWS": ROLE}, {"AWS": [ROLE]}, {"AWS": "AROA1"}])
def test_a_resource_policy_that_names_the_role_is_joined_but_stays_within_the_limits(principal: Any) -> None:
    assert outcome(None, naming(principal)) == ALLOWED
    assert outcome(None, naming(principal), boundary=SILENT) == (False, False, "permissions boundary")
    assert outcome(None, naming(principal), session=SILENT) == (False, False, "session policy")


def test_a_resource_policy_that_names_the_session_gives_what_it_gives() -> None:
    named = naming({"AWS": SESSION})
    assert outcome(None, named, boundary=SILENT, session=SILENT) == ALLOWED
    assert outcome(None, named, boundary=DENY) == (False, True, "permissions boundary")
    assert outcome("Deny", named) == (False, True, "identity-based policy")


@pytest.mark.parametrize("principal", [ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root"])
def test_a_resource_policy_that_names_the_account_leaves_it_to_identity_policies(principal: str) -> None:
    assert outcome(None, naming({"AWS": principal})) == (False, False, "identity-based policy")
    assert outcome("Allow", naming({"AWS": principal})) == ALLOWED


def test_a_resource_policy_for_others_says_nothing() -> None:
    others: list[Any] = [{"AWS": "210987654321"}, {"Service": "sagemaker.amazonaws.com"}, {"AWS": SESSION + "2"}]
    for principal in others:
        assert outcome(None, naming(principal)) == (False, False, "identity-based policy")
        assert outcome("Allow", naming(principal, "Deny")) == ALLOWED


def test_not_principal_denies_all_but_those() -> None:
    assert outcome("Allow", policies("Deny", NotPrincipal={"AWS": ROLE})) == ALLOWED
    assert outcome("Allow", policies("Deny", NotPrincipal={"AWS": "AROA2"})) == (False, True, "resource-based policy")


def test_what_only_its_own_policy_opens_stays_shut_without_it() -> None:
    assert outcome("Allow", SILENT, must=True) == (False, False, "resource-based policy")
    assert outcome("Allow", naming({"AWS": ACCOUNT}), must=True) == ALLOWED
    assert outcome(None, naming({"AWS": ROLE}), must=True) == ALLOWED


def test_the_account_itself_needs_no_policy_but_obeys_a_resources_deny() -> None:
    assert outcome(None, root=True) == outcome(None, SILENT, root=True, must=True) == ALLOWED
    assert outcome(None, naming("*", "Deny"), root=True) == (False, True, "resource-based policy")


EFFECTS = ("Allow", "Deny", None)


@pytest.mark.parametrize(("identity", "resource", "boundary", "session"), [*itertools.product(EFFECTS, repeat=4)])
def test_every_combination_follows_the_rule(
    identity: str | None, resource: str | None, boundary: str | None, session: str | None
) -> None:
    asked = policies(resource, Principal={"AWS": ROLE}) if resource else SILENT
    allowed, explicit, _ = outcome(identity, asked, boundary=policies(boundary), session=policies(session))
    denied = "Deny" in (identity, resource, boundary, session)
    given_ = "Allow" in (identity, resource) and boundary == session == "Allow"
    assert (allowed, explicit) == (given_ and not denied, denied)


letters = st.text(alphabet="abAB*?${}:/.-", max_size=12)
statements = st.fixed_dictionaries(
    {
        "Effect": st.sampled_from(["Allow", "Deny"]),
        "Action": st.lists(letters.map(lambda text: f"s3:{text}"), min_size=1, max_size=3),
        "Resource": st.lists(letters, min_size=1, max_size=3),
    },
    optional={"Condition": st.fixed_dictionaries({"StringLike": st.dictionaries(letters, letters, max_size=2)})},
)


def verdict(found: list[dict[str, Any]], action: str, resource: str, context: dict[str, list[str]]) -> str:
    document = json.dumps({"Version": "2012-10-17", "Statement": found})
    return Policies([Policy.read("p", "role", document)]).verdict(action, resource, context).decision


@given(st.lists(statements, max_size=4), letters, letters, st.dictionaries(letters, st.lists(letters), max_size=2))
def test_a_statement_more_never_lifts_a_deny_and_a_deny_more_never_allows(
    found: list[dict[str, Any]], action: str, resource: str, context: dict[str, list[str]]
) -> None:
    action = f"s3:{action}"
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    alone = verdict(found, action, resource, context)
    wider = verdict([*found, everything], action, resource, context)
    assert wider == ("explicitDeny" if alone == "explicitDeny" else "allowed")
    assert verdict([*found, {**everything, "Effect": "Deny"}], action, resource, context) == "explicitDeny"
    assert verdict(found[::-1], action, resource, context) == alone


@given(letters, st.sampled_from(["Resource", "NotResource"]))
def test_not_resource_is_the_opposite_of_resource(text: str, member: str) -> None:
    plain = text.replace("$", "")
    whole = verdict([{"Effect": "Allow", "Action": "*", "Resource": [plain]}], "s3:a", "aB:a", {})
    other = verdict([{"Effect": "Allow", "Action": "*", "NotResource": [plain]}], "s3:a", "aB:a", {})
    assert {whole, other} == {"allowed", "implicitDeny"}
