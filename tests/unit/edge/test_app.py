"""The path of a request: what is answered, and in whose words it is refused."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from sagewright import compose
from sagewright.base.settings import Settings
from sagewright.operations.call import Call, Params
from sagewright.resources.record import Key, Record
from sagewright.testing.asker import Answer, Asker
from sagewright.wire import sigv4
from sagewright.wire.http import Request

Ask = Callable[..., Answer]

TARGET = "x-amz-target"
JSON = "application/x-amz-json-1.1"


def sagemaker(operation: str) -> dict[str, str]:
    return {TARGET: f"SageMaker.{operation}", "content-type": JSON}


def test_a_signed_request_is_answered_in_its_protocol(ask: Ask) -> None:
    answer = ask(headers=sagemaker("ListModels"), body=b"{}")
    assert answer.status == 200
    assert json.loads(answer.body) == {"Models": []}
    assert answer.headers["content-type"] == JSON
    assert answer.headers["x-amzn-requestid"]


def test_a_form_is_answered_in_xml(ask: Ask) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    answer = ask(service="sts", headers=form, body=b"Action=GetCallerIdentity&Version=2011-06-15")
    assert answer.status == 200
    assert b"<Arn>arn:aws:iam::123456789012:root</Arn>" in answer.body


@pytest.mark.parametrize(
    ("path", "host"),
    [("/things", "127.0.0.1:4700"), ("/", "things.s3.us-east-1.amazonaws.com"), ("/", "things.localhost:4700")],
)
def test_buckets_are_addressed_by_path_and_by_host(ask: Ask, path: str, host: str) -> None:
    assert ask("PUT", "/things", service="s3").status == 200
    assert ask("HEAD", path, service="s3", headers={"host": host}).status == 200


def test_whoever_looks_for_what_is_not_there_is_not_left_waiting(
    asker: Asker, caplog: pytest.LogCaptureFixture
) -> None:
    def slip(_call: Call, _request: Params) -> Params:
        return next(iter(()))

    asker.server.app._dispatch._found["sagemaker", "ListModels"] = slip, False
    assert asker.ask(headers=sagemaker("ListModels"), body=b"{}").status == 500
    assert "StopIteration" in caplog.text


def test_an_unsigned_request_is_refused(ask: Ask) -> None:
    answer = ask(headers=sagemaker("ListModels"), body=b"{}", signed=False)
    assert answer.status == 403
    assert json.loads(answer.body)["__type"] == "MissingAuthenticationTokenException"
    answer = ask("GET", "/bucket/key", signed=False)
    assert (answer.status, b"<Code>AccessDenied</Code>" in answer.body) == (403, True)


def test_a_signature_for_one_service_does_not_ask_another(ask: Ask) -> None:
    answer = ask(service="sts", headers=sagemaker("ListModels"), body=b"{}")
    assert answer.status == 403
    told = json.loads(answer.body)
    assert told["__type"] == "InvalidSignatureException"
    assert "scoped to correct service: 'sagemaker'" in (told.get("message") or told["Message"])


@pytest.mark.parametrize("region", ["..", "us-east-1:1:model", "*", "US-EAST-1", "a" * 33])
def test_a_region_that_is_none_is_refused(asker: Asker, region: str) -> None:
    request = Request("POST", "/", "", {"host": "h", **sagemaker("ListModels")}, b"{}")
    key_id, secret = asker.keys
    signature = sigv4.sign(
        request, access_key_id=key_id, secret_key=secret, region=region, service="sagemaker", now=asker.now
    )
    answer = asyncio.run(asker.send("POST", "/", "", {**request.headers, **signature}, b"{}"))
    assert (answer.status, b"valid region" in answer.body) == (403, True)


def test_a_wrong_secret_is_refused(asker: Asker) -> None:
    wrong = (asker.keys[0], "wrong")
    answer = asker.ask(headers=sagemaker("ListModels"), body=b"{}", keys=wrong)
    assert answer.status == 403
    assert json.loads(answer.body)["__type"] == "InvalidSignatureException"
    answer = asker.ask("GET", "/bucket", service="s3", keys=wrong)
    assert (answer.status, b"SignatureDoesNotMatch" in answer.body) == (403, True)


def test_an_unknown_key_is_refused(ask: Ask) -> None:
    answer = ask(headers=sagemaker("ListModels"), body=b"{}", keys=("AKIAUNKNOWN", "x"))
    assert json.loads(answer.body)["__type"] == "UnrecognizedClientException"
    answer = ask("GET", "/bucket", service="s3", keys=("AKIAUNKNOWN", "x"))
    assert (answer.status, b"InvalidAccessKeyId" in answer.body) == (403, True)


def test_a_stale_request_is_refused(asker: Asker) -> None:
    answer = asker.ask(headers=sagemaker("ListModels"), body=b"{}", at=asker.now - 3600)
    assert answer.status == 403
    assert "Signature expired" in json.loads(answer.body)["message"]
    answer = asker.ask("GET", "/bucket", service="s3", at=asker.now - 3600)
    assert (answer.status, b"RequestTimeTooSkewed" in answer.body) == (403, True)


def test_a_body_that_is_no_json_is_refused(ask: Ask) -> None:
    answer = ask(headers=sagemaker("ListModels"), body=b"{nonsense")
    assert (answer.status, json.loads(answer.body)["__type"]) == (400, "SerializationException")


def test_a_name_that_breaks_its_pattern_is_refused_in_awss_words(ask: Ask) -> None:
    body = json.dumps({"EndpointName": "a_b", "EndpointConfigName": "c"}).encode()
    answer = ask(headers=sagemaker("CreateEndpoint"), body=body)
    refused = json.loads(answer.body)
    assert (answer.status, refused["__type"]) == (400, "ValidationException")
    assert refused["message"].startswith("1 validation error detected: Value 'a_b' at 'endpointName' failed to satisfy")


@pytest.mark.parametrize("target", ["SageMaker.Nonsense", "Nonsense.ListModels", "nonsense", "."])
def test_an_unknown_operation_is_a_client_error(ask: Ask, target: str) -> None:
    answer = ask(headers={TARGET: target, "content-type": JSON}, body=b"{}")
    assert (answer.status, json.loads(answer.body)["__type"]) == (404, "UnknownOperationException")


def test_an_operation_that_is_not_built_says_so(ask: Ask) -> None:
    answer = ask(headers=sagemaker("SearchTrainingPlanOfferings"), body=b"{}")
    refused = json.loads(answer.body)
    assert (answer.status, refused["__type"]) == (400, "ValidationException")
    assert "does not sell training plans" in refused["message"]


def test_a_service_that_is_not_served_says_so(ask: Ask) -> None:
    answer = ask(service="braket", headers={"content-type": "application/json"}, body=b"{}")
    assert answer.status == 400


@pytest.mark.parametrize("path", ["/%", "/%zz/%", "//", "/../..", "/a/%00", "/\xff"])
def test_odd_paths_are_client_errors(ask: Ask, path: str) -> None:
    assert ask("GET", path, service="s3").status < 500


def test_health_and_welcome_need_no_signature(ask: Ask) -> None:
    health = ask("GET", "/_sagewright/health", signed=False)
    assert json.loads(health.body)["status"] == "ok"
    assert b"Sagewright" in ask("GET", "/", signed=False, headers={"accept": "text/html"}).body
    assert ask("GET", "/_sagewright/nothing", signed=False).status == 404


def test_a_tasks_token_buys_its_roles_credentials(asker: Asker) -> None:
    role = "arn:aws:iam::123456789012:role/service-role/SagewrightExecutionRole"
    services = asker.server.app.services
    work = services.store.create(Record(Key("123456789012", "us-east-1", "training-job", "", "job"), "1", 0.0, 0.0))
    token = services.credentials.grant(role, "job", work)
    answer = asker.ask("GET", "/_sagewright/credentials", signed=False, headers={"authorization": token})
    given = json.loads(answer.body)
    assert set(given) == {"AccessKeyId", "SecretAccessKey", "Token", "Expiration"}
    forged = asker.ask("GET", "/_sagewright/credentials", signed=False, headers={"authorization": token[:-4] + "AAAA"})
    assert forged.status == 403


def test_with_auth_off_nobodys_signature_counts(tmp_path: Path) -> None:
    server = compose.build(Settings(data=tmp_path / "data", store="memory:", sandbox="off", auth="off"))
    asker = Asker(server, ("anybody", "anything"), 0.0)
    assert asker.ask("PUT", "/things", service="s3").status == 200
    chunks = b"5;chunk-signature=00\r\nhello\r\n0;chunk-signature=00\r\n\r\n"
    headers = {"x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "x-amz-decoded-content-length": "5"}
    answer = asker.ask("PUT", "/things/a", headers=headers, body=chunks, signed=False)
    assert answer.status == 200, answer.body
    assert asker.ask("GET", "/things/a", signed=False).body == b"hello"
    server.close()
