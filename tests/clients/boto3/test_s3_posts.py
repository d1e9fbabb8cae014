"""Browser forms that post files into buckets, with what boto3's generate_presigned_post makes."""

import json
import os
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
import urllib3
from botocore.config import Config

from .identities import allowing, user
from .refusals import refused

Post = Callable[..., Any]


@pytest.fixture(params=[None, "s3v4"], ids=["default", "s3v4"])
def signing(request: pytest.FixtureRequest) -> Any:
    """boto3 signs forms in the older way unless it is told."""
    return boto3.client("s3", config=Config(signature_version=request.param) if request.param else None)


@pytest.fixture
def post(s3: Any) -> Post:
    """Fills in a form as a browser does."""

    def send(form: dict[str, Any], data: bytes = b"hello", name: str = "a.txt", **fields: str) -> Any:
        told = [*form["fields"].items(), *fields.items(), ("file", (name, data, "text/plain"))]
        return urllib3.request("POST", form["url"], fields=told, redirect=False)

    return send


def code(answer: Any) -> tuple[int, str]:
    text = answer.data.decode()
    return answer.status, text[text.index("<Code>") + 6 : text.index("</Code>")]


def test_a_form_puts_its_file(signing: Any, s3: Any, box: str, post: Post) -> None:
    fields = {
        "Content-Type": "text/html",
        "x-amz-meta-colour": "blau-grün",
        "x-amz-storage-class": "STANDARD_IA",
        "tagging": "<Tagging><TagSet><Tag><Key>a</Key><Value>b &amp; c</Value></Tag></TagSet></Tagging>",
    }
    form = signing.generate_presigned_post(
        box, "up/a b+c%.txt", Fields=fields, Conditions=[{n: v} for n, v in fields.items()]
    )
    answer = post(form)
    assert (answer.status, answer.data) == (204, b"")
    assert answer.headers["location"].endswith(f"/{box}/up/a%20b%2Bc%25.txt")
    found = s3.get_object(Bucket=box, Key="up/a b+c%.txt")
    assert found["Body"].read() == b"hello"
    assert answer.headers["etag"] == found["ETag"]
    assert (found["ContentType"], found["StorageClass"]) == ("text/html", "STANDARD_IA")
    assert found["Metadata"]["colour"].encode("latin-1").decode() == "blau-grün"
    assert s3.get_object_tagging(Bucket=box, Key="up/a b+c%.txt")["TagSet"] == [{"Key": "a", "Value": "b & c"}]


def test_the_files_name_may_be_in_the_key(signing: Any, s3: Any, box: str, post: Post) -> None:
    form = signing.generate_presigned_post(box, "up/${filename}")
    assert post(form, name="C:\\photos\\été 1.txt").status == 204
    assert s3.get_object(Bucket=box, Key="up/été 1.txt")["Body"].read() == b"hello"


def test_a_large_file_streams(s3: Any, box: str, post: Post) -> None:
    data = os.urandom(9 * 2**20)
    form = s3.generate_presigned_post(box, "large", Conditions=[["content-length-range", 0, len(data)]])
    assert post(form, data).status == 204
    assert s3.get_object(Bucket=box, Key="large")["Body"].read() == data


def test_the_answer_is_the_one_that_is_asked_for(s3: Any, box: str, post: Post) -> None:
    def form(**fields: str) -> Any:
        return s3.generate_presigned_post(box, "a", Fields=fields, Conditions=[{n: v} for n, v in fields.items()])

    made = post(form(success_action_status="201"))
    assert made.status == 201
    assert (
        f"<Bucket>{box}</Bucket><Key>a</Key><ETag>&quot;5d41402abc4b2a76b9719d911017c592&quot;</ETag>"
        in made.data.decode()
    )
    assert post(form(success_action_status="200")).status == 200
    assert post(form(success_action_status="404")).status == 204
    sent = post(form(success_action_redirect="http://example.com/done?x=1"))
    assert sent.status == 303
    query = parse_qs(urlsplit(sent.headers["location"]).query)
    assert query == {"x": ["1"], "bucket": [box], "key": ["a"], "etag": ['"5d41402abc4b2a76b9719d911017c592"']}
    assert post(form(redirect="not an address")).status == 204


@pytest.mark.parametrize(
    ("size", "refusal"), [(4, (400, "EntityTooSmall")), (5, None), (10, None), (11, (400, "EntityTooLarge"))]
)
def test_the_file_has_the_size_that_was_agreed(s3: Any, box: str, post: Post, size: int, refusal: Any) -> None:
    form = s3.generate_presigned_post(box, "a", Conditions=[["content-length-range", 5, 10]])
    answer = post(form, b"x" * size)
    assert (None if answer.status == 204 else code(answer)) == refusal
    assert s3.list_objects_v2(Bucket=box)["KeyCount"] == (0 if refusal else 1)


def test_large_files_beyond_their_size_are_refused_on_the_way(s3: Any, box: str, post: Post, server: Any) -> None:
    form = s3.generate_presigned_post(box, "a", Conditions=[["content-length-range", 0, 2**20]])
    assert code(post(form, bytes(4 * 2**20))) == (400, "EntityTooLarge")
    assert refused(s3.head_object, Bucket=box, Key="a") == ("404", 404)


def test_forms_that_are_refused(signing: Any, s3: Any, box: str, post: Post) -> None:
    form = signing.generate_presigned_post(box, "up/a", Fields={"acl": "private"}, Conditions=[{"acl": "private"}])

    def changed(**fields: str | None) -> Any:
        merged = {**form["fields"], **fields}
        return {**form, "fields": {name: value for name, value in merged.items() if value is not None}}

    assert code(post(changed(key="up/b"))) == (403, "AccessDenied")
    assert code(post(changed(acl="public-read"))) == (403, "AccessDenied")
    assert code(post(form, **{"x-amz-meta-more": "1"})) == (403, "AccessDenied")
    assert code(post(changed(key=None))) == (400, "InvalidArgument")
    assert code(post(changed(policy=None))) == (400, "InvalidArgument")
    assert code(post({**form, "url": form["url"] + "-2"})) == (403, "AccessDenied")
    signature = "x-amz-signature" if "x-amz-signature" in form["fields"] else "signature"
    assert code(post(changed(**{signature: "wrong"}))) == (403, "SignatureDoesNotMatch")
    stranger = "x-amz-credential" if "x-amz-credential" in form["fields"] else "AWSAccessKeyId"
    unknown = form["fields"][stranger].replace("ASIA", "ASIX").replace("AKIA", "AKIX")
    assert code(post(changed(**{stranger: unknown, "x-amz-security-token": None})))[0] == 403
    late = signing.generate_presigned_post(box, "up/a", ExpiresIn=-10)
    assert code(post(late)) == (403, "AccessDenied")
    assert "Contents" not in s3.list_objects_v2(Bucket=box)
    assert post(form).status == 204


def test_what_is_no_form(s3: Any, box: str) -> None:
    form = s3.generate_presigned_post(box, "a")

    def answer(body: bytes, kind: str = "multipart/form-data; boundary=x") -> Any:
        return code(urllib3.request("POST", form["url"], body=body, headers={"content-type": kind}))

    field = b'--x\r\nContent-Disposition: form-data; name="key"\r\n\r\na\r\n'
    file = b'--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
    assert answer(b"nothing of the kind") == (400, "MalformedPOSTRequest")
    assert answer(field + b"--x--") == (400, "IncorrectNumberOfFilesInPostRequest")
    assert answer(field + file + b"never ends") == (403, "AccessDenied")  # nobody's form, to begin with
    assert answer(field + b"x" * 30_000) == (400, "MaxPostPreDataLengthExceededError")
    assert answer(b"", "multipart/form-data") == (400, "MalformedPOSTRequest")


def test_a_form_may_what_its_signer_may(s3: Any, box: str, post: Post, unique: Callable[[str], str]) -> None:
    iam, name = boto3.client("iam"), unique("poster")
    keys = user(iam, name)
    document = allowing("s3:PutObject", resource=f"arn:aws:s3:::{box}/own/*")
    iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=document)
    poster = keys.client("s3", config=Config(signature_version="s3v4"))
    assert post(poster.generate_presigned_post(box, "own/${filename}")).status == 204
    assert code(post(poster.generate_presigned_post(box, "other/${filename}"))) == (403, "AccessDenied")


def test_a_form_without_signature_may_what_everybody_may(s3: Any, box: str, post: Post) -> None:
    url = s3.generate_presigned_post(box, "a")["url"]
    assert code(post({"url": url, "fields": {"key": "a"}})) == (403, "AccessDenied")
    s3.delete_public_access_block(Bucket=box)
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{box}/drop/*",
    }
    s3.put_bucket_policy(Bucket=box, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    assert post({"url": url, "fields": {"key": "drop/a"}}).status == 204
    assert code(post({"url": url, "fields": {"key": "a"}})) == (403, "AccessDenied")


def test_the_bucket_may_stand_in_the_host_name(s3: Any, box: str, post: Post) -> None:
    form = s3.generate_presigned_post(
        box, "a", Fields={"success_action_status": "201"}, Conditions=[{"success_action_status": "201"}]
    )
    port = urlsplit(form["url"]).port
    told = [*form["fields"].items(), ("file", ("f", b"1"))]
    answer = urllib3.request(
        "POST", f"http://127.0.0.1:{port}/", fields=told, headers={"Host": f"{box}.localhost:{port}"}
    )
    assert answer.status == 201
    assert f"<Location>http://{box}.localhost:{port}/a</Location>" in answer.data.decode()
