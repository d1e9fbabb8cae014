"""Errors as each protocol sends them, read by botocore."""

from __future__ import annotations

import orjson
import pytest

from sagewright.base.errors import AwsError
from sagewright.wire.http import Request
from sagewright.wire.model import service
from sagewright.wire.protocols import PROTOCOLS, for_request, protocol

from . import shapes

CASES = [
    ("sagemaker", "ResourceNotFound", "ResourceNotFound", 400),
    ("sagemaker", "ValidationException", "ValidationException", 400),
    ("sagemaker-runtime", "ModelError", "ModelError", 424),
    ("sagemaker-runtime", "ModelNotReadyException", "ModelNotReadyException", 429),
    ("sagemaker-runtime", "AccessDeniedException", "AccessDeniedException", 400),
    ("sagemaker-featurestore-runtime", "ResourceNotFound", "ResourceNotFound", 404),
    ("logs", "ResourceNotFoundException", "ResourceNotFoundException", 400),
    ("lambda", "ResourceNotFoundException", "ResourceNotFoundException", 404),
    ("iam", "NoSuchEntityException", "NoSuchEntity", 404),
    ("iam", "NoSuchEntity", "NoSuchEntity", 404),
    ("sts", "ExpiredTokenException", "ExpiredTokenException", 400),
    ("ec2", "InvalidVpcID.NotFound", "InvalidVpcID.NotFound", 400),
    ("s3", "NoSuchKey", "NoSuchKey", 404),
]


@pytest.mark.parametrize(("name", "code", "seen", "status"), CASES)
def test_code_message_and_status(name: str, code: str, seen: str, status: int) -> None:
    model = service(name)
    response = protocol(model).serialize_error(AwsError(code, "What <went> wrong"), model, None, "request-id")
    found = shapes.parsed(response, None, model)
    assert found["Error"]["Code"] == seen
    assert found["Error"]["Message"] == "What <went> wrong"
    assert (response.status, found["ResponseMetadata"]["RequestId"]) == (status, "request-id")


@pytest.mark.parametrize("kind", ["json", "query", "smithy-rpc-v2-cbor"])
@pytest.mark.parametrize("code", ["ResourceNotFound", "LimitExceededFault"])
def test_cloudwatch_keeps_the_codes_of_its_query_time(kind: str, code: str) -> None:
    model = service("cloudwatch")
    response = PROTOCOLS.load(kind)(model).serialize_error(AwsError(code, "Sorry"), model, None, "id")
    found = shapes.parsed(response, None, model, kind)
    assert found["Error"]["Code"] == {"ResourceNotFound": "ResourceNotFound"}.get(code, "LimitExceeded")


@pytest.mark.parametrize("name", ["s3", "iam", "ec2"])
def test_what_xml_cannot_say_keeps_nobody_from_reading_the_rest(name: str) -> None:
    model = service(name)
    error = AwsError("NoSuchBucket", "No \x00\x1f\ud800\uffff\tthere", fields={"BucketName": "b\x00"})
    found = shapes.parsed(protocol(model).serialize_error(error, model, None, "id"), None, model)
    assert found["Error"]["Code"] == "NoSuchBucket"
    assert found["Error"]["Message"] == "No \ufffd\ufffd\ufffd\ufffd\tthere"


def test_fields_of_a_model_error() -> None:
    model = service("sagemaker-runtime")
    fields = {"OriginalStatusCode": 500, "OriginalMessage": "boom", "LogStreamArn": "arn:x", "Unknown": 1}
    error = AwsError("ModelError", "Received server error (500)", fields=fields)
    response = protocol(model).serialize_error(error, model, None, "id")
    shape = model.shape_for("ModelError")
    found = shapes.parsed(response, shape, model)
    assert (found["OriginalStatusCode"], found["OriginalMessage"], found["LogStreamArn"]) == (500, "boom", "arn:x")
    assert found["Message"] == "Received server error (500)"
    assert "Unknown" not in found


def test_fields_of_a_json_error_are_projected() -> None:
    model = service("sagemaker")
    error = AwsError("ConflictException", "Busy", fields={"Secret": 1}, headers={"Retry-After": "3"})
    response = protocol(model).serialize_error(error, model, None, "id")
    assert isinstance(response.body, bytes)
    assert orjson.loads(response.body) == {"__type": "ConflictException", "Message": "Busy"}
    assert response.headers["Retry-After"] == "3"


def test_s3_says_more_about_an_error() -> None:
    model = service("s3")
    error = AwsError("NoSuchKey", "The specified key does not exist.", status=404, fields={"Key": "a&b"})
    get, head = model.operation_model("GetObject"), model.operation_model("HeadObject")
    response = protocol(model).serialize_error(error, model, get, "id")
    assert shapes.parsed(response, None, model)["Error"]["Key"] == "a&b"
    assert protocol(model).serialize_error(error, model, head, "id").body == b""
    not_modified = AwsError("NotModified", "Not Modified", status=304)
    assert protocol(model).serialize_error(not_modified, model, get, "id").body == b""


@pytest.mark.parametrize(
    ("name", "request_", "code", "status"),
    [
        ("sagemaker", Request("POST", "/", "", {"x-amz-target": "SageMaker.Nope"}), "UnknownOperationException", 404),
        ("sagemaker", Request("POST", "/", "", {"x-amz-target": "Other.ListModels"}), "UnknownOperationException", 404),
        ("sagemaker", Request("POST", "/"), "UnknownOperationException", 404),
        ("sagemaker-runtime", Request("GET", "/endpoints/x/invocations"), "UnknownOperationException", 404),
        ("sagemaker-runtime", Request("POST", "/endpoints//invocations"), "UnknownOperationException", 404),
        ("iam", Request("POST", "/", "Action=Nope&Version=2010-05-08"), "InvalidAction", 400),
        ("iam", Request("POST", "/"), "MissingAction", 400),
        ("s3", Request("PATCH", "/b/k"), "MethodNotAllowed", 405),
        ("s3", Request("POST", "/b"), "MethodNotAllowed", 405),
        ("cloudwatch", Request("POST", "/", "", {}, b"Action=Nope"), "InvalidAction", 400),
        ("servicecatalog", Request("POST", "/", "", {}, b"Action=X"), "UnknownOperationException", 404),
    ],
)
def test_an_unknown_operation_is_no_server_error(name: str, request_: Request, code: str, status: int) -> None:
    model = service(name)
    with pytest.raises(AwsError) as caught:
        for_request(model, request_).operation_name(request_, model)
    assert (caught.value.code, caught.value.status) == (code, status)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "not valid JSON"),
        (b"[]", "not a JSON object"),
        (b'{"TrainingJobName": 1}', "NUMBER_VALUE can not be converted to a String"),
        (b'{"TrainingJobName": true}', "TRUE_VALUE can not be converted to a String"),
        (b'{"TrainingJobName": {}}', "Start of structure or map found where not expected"),
        (b'{"TrainingJobName": []}', "Start of list found where not expected"),
        (b'{"Tags": "x"}', "Expected list or null"),
        (b'{"ResourceConfig": {"InstanceCount": "1"}}', "STRING_VALUE can not be converted to an Integer"),
        (b'{"ResourceConfig": {"InstanceCount": 2147483648}}', "NUMBER_VALUE can not be converted to an Integer"),
        (b'{"ResourceConfig": {"InstanceCount": 1e30}}', "NUMBER_VALUE can not be converted to an Integer"),
        (b'{"ResourceConfig": 1}', "Unexpected value type in payload"),
        (b'{"\xff": 1}', "not valid JSON"),
        (b"[" * 5000, "not valid JSON"),
    ],
)
def test_json_that_does_not_fit(body: bytes, words: str) -> None:
    model = service("sagemaker")
    request = Request("POST", "/", "", {"x-amz-target": "SageMaker.CreateTrainingJob"}, body)
    with pytest.raises(AwsError, match=words) as caught:
        protocol(model).parse(request, model.operation_model("CreateTrainingJob"))
    assert (caught.value.code, caught.value.status) == ("SerializationException", 400)


def test_null_and_unknown_members_are_left_out() -> None:
    model = service("sagemaker")
    body = b'{"TrainingJobName": "a", "RoleArn": null, "Nope": {"x": [1]}}'
    found = protocol(model).parse(Request("POST", "/", body=body), model.operation_model("CreateTrainingJob"))
    assert found == {"TrainingJobName": "a"}


def test_nesting_has_an_end() -> None:
    model = service("sagemaker")
    body = b'{"SearchExpression":' + b'{"SubExpressions":[' * 450 + b"]}" * 450 + b"}"
    with pytest.raises(AwsError, match="nested too deeply"):
        protocol(model).parse(Request("POST", "/", body=body), model.operation_model("Search"))


@pytest.mark.parametrize(
    "body", [b"", b"<a", b"<!DOCTYPE x><Tagging/>", b"<Tagging><TagSet><Tag><Key>\x00", b"\xff\xfe<\x00"]
)
def test_xml_that_does_not_fit(body: bytes) -> None:
    model = service("s3")
    operation = model.operation_model("PutBucketTagging")
    request = Request("PUT", "/b", "tagging", {}, body)
    if not body:
        assert protocol(model).parse(request, operation) == {"Bucket": "b"}
        return
    with pytest.raises(AwsError) as caught:
        protocol(model).parse(request, operation)
    assert caught.value.code == "MalformedXML"
