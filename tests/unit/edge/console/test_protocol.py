"""How the console speaks, beside what boto3's names are."""

import json
from urllib.parse import quote, unquote

from sagewright.edge.console.protocol import MEMBERS, spoken, streams_events
from sagewright.wire.http import Request


def test_members_are_named_as_boto3_names_them() -> None:
    model, protocol = spoken("s3")
    operation = model.operation_model("PutObjectTagging")
    given = {"Bucket": "b", "Key": "k", "ContentMD5": "x", "Tagging": {"TagSet": [{"Key": "a", "Value": "b"}]}}
    assert protocol.parse(Request("POST", "/", "", {}, json.dumps(given).encode()), operation) == given


def test_a_blob_that_is_the_body_is_one() -> None:
    model, protocol = spoken("sagemaker-runtime")
    operation = model.operation_model("InvokeEndpoint")
    headers = {MEMBERS: quote(json.dumps({"EndpointName": "ä"}))}
    assert protocol.parse(Request("POST", "/", "", headers, b"\0"), operation) == {"EndpointName": "ä", "Body": b"\0"}
    told = protocol.serialize({"Body": b"\1", "ContentType": "text/html"}, operation, "id")
    assert (told.body, told.headers["Content-Type"]) == (b"\1", "application/octet-stream")
    assert json.loads(unquote(told.headers[MEMBERS])) == {"ContentType": "text/html"}


def test_streams_of_events_are_known() -> None:
    model, _ = spoken("sagemaker-runtime")
    assert streams_events(model.operation_model("InvokeEndpointWithResponseStream"))
    assert not streams_events(model.operation_model("InvokeEndpoint"))
