"""The owner's session: in name a role's, so that the SDKs find one; it may what the root key may."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from sagewright.testing.asker import Answer, Asker
from sagewright.wire import sigv4
from sagewright.wire.http import Request

FORM = {"content-type": "application/x-www-form-urlencoded"}


def session(asker: Asker) -> dict[str, Any]:
    answer = asker.ask("GET", "/_sagewright/session", service="sts")
    assert answer.status == 200, answer.body
    keys: dict[str, Any] = json.loads(answer.body)
    return keys


def ask_iam(asker: Asker, keys: dict[str, Any], service: str = "iam", **form: str) -> Answer:
    """A form, signed with temporary keys."""
    body = urlencode({"Version": "2010-05-08", **form}).encode()
    headers = {"host": "127.0.0.1:4700", **FORM, "x-amz-security-token": keys["Token"]}
    signed = sigv4.sign(
        Request("POST", "/", "", headers, body),
        access_key_id=keys["AccessKeyId"],
        secret_key=keys["SecretAccessKey"],
        region="us-east-1",
        service=service,
        now=asker.now,
    )
    return asker.ask(service=service, headers={**headers, **signed}, body=body, signed=False)


def test_it_has_the_name_of_the_default_role_and_may_everything(asker: Asker) -> None:
    keys = session(asker)
    who = ask_iam(asker, keys, "sts", Action="GetCallerIdentity", Version="2011-06-15")
    assert b"assumed-role/SagewrightExecutionRole/owner" in who.body
    assert ask_iam(asker, keys, Action="CreateUser", UserName="somebody").status == 200


def test_other_sessions_of_the_role_may_what_its_policies_allow(asker: Asker) -> None:
    role = "arn:aws:iam::123456789012:role/service-role/SagewrightExecutionRole"
    issued = asker.server.app.services.credentials.issue(role, "job")
    keys = {
        "AccessKeyId": issued.access_key_id,
        "SecretAccessKey": issued.secret_access_key,
        "Token": issued.session_token,
    }
    refused = ask_iam(asker, keys, Action="CreateUser", UserName="somebody")
    assert refused.status == 403
    assert b"iam:CreateUser" in refused.body


def test_only_the_root_key_opens_one(asker: Asker) -> None:
    assert asker.ask("GET", "/_sagewright/session", service="sts", signed=False).status == 403
    key_id, secret = asker.keys
    assert asker.ask("GET", "/_sagewright/session", service="sts", keys=(key_id, secret + "x")).status == 403
    keys = session(asker)
    headers = {"host": "127.0.0.1:4700", "x-amz-security-token": keys["Token"]}
    signed = sigv4.sign(
        Request("GET", "/_sagewright/session", "", headers, b""),
        access_key_id=keys["AccessKeyId"],
        secret_key=keys["SecretAccessKey"],
        region="us-east-1",
        service="sts",
        now=asker.now,
    )
    again = asker.ask("GET", "/_sagewright/session", headers={**headers, **signed}, signed=False)
    assert again.status == 403


def test_only_the_root_key_reclaims_instances(asker: Asker) -> None:
    path = "/_sagewright/interrupt"
    for query, status, words in (
        ("job=none&warning=5", 404, b"no training job none"),
        ("job=none&warning=soon", 400, b"number of seconds"),
        ("job=none&warning=nan", 400, b"between 0 and 3600"),
        ("", 404, b"no training job"),
    ):
        answer = asker.ask("POST", path, service="sts", query=query)
        assert (answer.status, words in answer.body) == (status, True), answer.body
    assert asker.ask("POST", path, service="sts", query="job=none", signed=False).status == 403
    assert asker.ask("GET", path, service="sts", query="job=none").status == 404
