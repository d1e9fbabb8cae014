"""Tickets: whose they are, what for, and how long they hold."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from sagewright.base.errors import AwsError
from sagewright.operations.call import Principal, Session
from sagewright.operations.ecr import tickets
from sagewright.operations.iam.records import ROLE, all_of
from sagewright.testing.world import Client, World

HOURS = 3600.0


def password(client: Client) -> str:
    data = client.get_authorization_token()["authorizationData"][0]
    user, _, word = base64.b64decode(data["authorizationToken"]).decode().partition(":")
    assert user == tickets.USER
    return word


def check(world: World, ticket: str, purpose: str = tickets.LOGIN) -> tickets.Ticket:
    return tickets.check(world.services.credentials, ticket, purpose, now=world.clock.now())


def test_a_login_is_the_caller_s_with_what_his_session_may(world: World) -> None:
    session = Session(issued=world.clock.now() - 60, policies=("{}",), tags={"team": "a"}, source_identity="me")
    arn = next(all_of(world.services.store, world.principal.account, ROLE)).status["Arn"]
    role = replace(world.services.credentials.role_principal(arn, "me"), session=session)
    found = check(world, password(world.as_principal(role).client("ecr")))
    assert (found.principal.arn, found.region) == (role.arn, "us-east-1")
    assert found.principal.session is not None
    assert found.principal.session.policies == ("{}",)
    assert (found.principal.session.issued, found.principal.session.source_identity) == (session.issued, "me")


def test_a_login_holds_for_twelve_hours(world: World, ecr: Client) -> None:
    data = ecr.get_authorization_token()["authorizationData"][0]
    assert data["proxyEndpoint"] == "http://127.0.0.1:4700"
    assert data["expiresAt"] == world.clock.now() + 12 * HOURS
    ticket = password(ecr)
    world.clock.advance(12 * HOURS - 1)
    check(world, ticket)
    world.clock.advance(1)
    with pytest.raises(AwsError) as refused:
        check(world, ticket)
    assert refused.value.code == "ExpiredToken"


def test_a_ticket_holds_for_its_purpose_and_region_only(world: World, ecr: Client) -> None:
    key, token, region, proof = json.loads(base64.urlsafe_b64decode(password(ecr)))
    assert region == "us-east-1"
    for purpose, changed in (
        (tickets.of_layer("app", "sha256:1"), [key, token, region, proof]),
        (tickets.LOGIN, [key, token, "eu-west-1", proof]),
        (tickets.LOGIN, [key, token, region, "é"]),
        (tickets.LOGIN, [key, token, region, ""]),
    ):
        with pytest.raises(AwsError):
            check(world, base64.urlsafe_b64encode(json.dumps(changed).encode()).decode(), purpose)


def test_a_session_s_token_alone_makes_no_login(world: World) -> None:
    keys = world.services.credentials.issue(Principal("123456789012", "arn:aws:iam::123456789012:root", "1", "root"))
    said = [keys.access_key_id, keys.session_token, "us-east-1", "0" * 64]
    with pytest.raises(AwsError):
        check(world, base64.urlsafe_b64encode(json.dumps(said).encode()).decode())


@pytest.mark.parametrize("ticket", ["", "x", "é", "bnVsbA==", "W10=", "WzEsMiwzLDRd", "A" * 40_000])
def test_what_is_no_ticket_is_refused(world: World, ticket: Any) -> None:
    with pytest.raises(AwsError) as refused:
        check(world, ticket)
    assert refused.value.code == "InvalidClientTokenId"
