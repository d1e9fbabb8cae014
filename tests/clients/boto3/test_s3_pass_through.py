"""Buckets that are passed through to another S3 endpoint, which is a second server here."""

import io
import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import urllib3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from tests.clients.conftest import SAGEWRIGHT, Server, free_port

from .identities import allowing, user
from .refusals import refusal, refused

HERE, THERE = "passed-through", "kept-there"
BARE = Config(retries={"max_attempts": 1})


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The endpoint that keeps the objects."""
    folder = tmp_path_factory.mktemp("other")
    server = Server(folder / "data", free_port(), folder / "server.log")
    server.start()
    yield server
    server.stop()


def keys_of(server: Server) -> dict[str, str]:
    """A server's root keys, which stay."""
    shown = server.command("keys", "show").splitlines()
    return dict(line.split(" = ") for line in shown)


@pytest.fixture(scope="module")
def there(other: Server) -> Any:
    """A client of the endpoint."""
    keys = keys_of(other)
    session = boto3.Session(keys["aws_access_key_id"], keys["aws_secret_access_key"])
    client = session.client("s3", endpoint_url=f"http://127.0.0.1:{other.port}", region_name="us-east-1")
    client.create_bucket(Bucket=THERE)
    return client


Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def bucket_command(server: Server, other: Server) -> Command:
    """`sagewright bucket …`, with the endpoint's keys in the environment."""

    def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        keys = keys_of(other)
        given = {
            "UPSTREAM_ACCESS_KEY_ID": keys["aws_access_key_id"],
            "UPSTREAM_SECRET_ACCESS_KEY": keys["aws_secret_access_key"],
            **environment,
        }
        command = [str(SAGEWRIGHT), "bucket", *words, *server.options]
        return subprocess.run(command, check=False, capture_output=True, text=True, env={**os.environ, **given})

    return run


@pytest.fixture(scope="module")
def passed(there: Any, other: Server, bucket_command: Command) -> str:
    """The bucket's name here."""
    done = bucket_command("attach", HERE, "--endpoint", f"http://127.0.0.1:{other.port}", "--bucket", THERE)
    assert done.returncode == 0, done.stderr
    return HERE


def test_objects_are_there_and_nowhere_else(s3: Any, there: Any, passed: str) -> None:
    key = "folder/a b+c%25 ü/../x"
    put = s3.put_object(Bucket=passed, Key=key, Body=b"hello", ContentType="text/x", Metadata={"a": "b"}, Tagging="c=d")
    found = there.get_object(Bucket=THERE, Key=key)
    assert (found["Body"].read(), found["ContentType"], found["Metadata"]) == (b"hello", "text/x", {"a": "b"})
    assert put["ETag"] == found["ETag"]
    assert put["ChecksumCRC32"]
    got = s3.get_object(Bucket=passed, Key=key, Range="bytes=1-3")
    assert (got["Body"].read(), got["ContentRange"], got["Metadata"]) == (b"ell", "bytes 1-3/5", {"a": "b"})
    assert s3.get_object_tagging(Bucket=passed, Key=key)["TagSet"] == [{"Key": "c", "Value": "d"}]
    assert s3.head_object(Bucket=passed, Key=key)["ContentLength"] == 5
    s3.delete_object(Bucket=passed, Key=key)
    assert refused(there.head_object, Bucket=THERE, Key=key) == ("404", 404)


def test_listings_and_many_deletes(s3: Any, there: Any, passed: str) -> None:
    for key in ("list/a", "list/b c", "list/d/e", "list/ü"):
        there.put_object(Bucket=THERE, Key=key, Body=b"x")
    listed = s3.list_objects_v2(Bucket=passed, Prefix="list/", Delimiter="/", MaxKeys=2)
    assert (listed["Name"], [each["Key"] for each in listed["Contents"]]) == (passed, ["list/a", "list/b c"])
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=passed, Prefix="list/", PaginationConfig={"PageSize": 1}
    )
    keys = [each["Key"] for page in pages for each in page["Contents"]]
    assert keys == ["list/a", "list/b c", "list/d/e", "list/ü"]
    assert len(s3.list_objects(Bucket=passed, Prefix="list/")["Contents"]) == 4
    deleted = s3.delete_objects(Bucket=passed, Delete={"Objects": [{"Key": key} for key in keys]})
    assert len(deleted["Deleted"]) == 4
    assert there.list_objects_v2(Bucket=THERE, Prefix="list/")["KeyCount"] == 0


def test_large_objects_stream_both_ways(s3: Any, there: Any, passed: str, tmp_path: Path) -> None:
    data = os.urandom(20 * 2**20 + 7)
    s3.put_object(Bucket=passed, Key="large", Body=data)
    assert there.get_object(Bucket=THERE, Key="large")["Body"].read() == data
    assert s3.get_object(Bucket=passed, Key="large")["Body"].read() == data
    config = TransferConfig(multipart_threshold=5 * 2**20, multipart_chunksize=5 * 2**20)
    s3.upload_fileobj(io.BytesIO(data), passed, "parts", Config=config)
    assert there.head_object(Bucket=THERE, Key="parts")["ETag"].endswith('-5"')
    s3.download_file(passed, "parts", str(tmp_path / "parts"), Config=config)
    assert (tmp_path / "parts").read_bytes() == data


@pytest.mark.parametrize("size", [5, 3 * 2**20 + 1])
def test_what_comes_in_chunks_keeps_its_checksum(s3: Any, there: Any, passed: str, size: int) -> None:
    data = os.urandom(size)
    url = s3.generate_presigned_url("put_object", {"Bucket": passed, "Key": "signed"})
    answer = urllib3.request("PUT", url, body=data)
    assert answer.status == 200, answer.data
    assert there.get_object(Bucket=THERE, Key="signed")["Body"].read() == data
    # Bodies that cannot be read twice are sent in chunks with a checksum behind them.
    stream = type("Once", (io.BytesIO,), {"seekable": lambda _: False})(data)
    client = boto3.client("s3", config=Config(s3={"payload_signing_enabled": False}))
    client.put_object(Bucket=passed, Key="once", Body=stream, ContentLength=size, ChecksumAlgorithm="CRC64NVME")
    head = there.head_object(Bucket=THERE, Key="once", ChecksumMode="ENABLED")
    assert head["ChecksumCRC64NVME"]
    assert there.get_object(Bucket=THERE, Key="once")["Body"].read() == data


def test_what_is_not_what_was_signed_does_not_get_there(s3: Any, there: Any, passed: str) -> None:
    url = s3.generate_presigned_url("put_object", {"Bucket": passed, "Key": "short"})
    body = (b"x" * 2**20 for _ in range(2))
    with pytest.raises(urllib3.exceptions.HTTPError):
        urllib3.request("PUT", url, body=body, headers={"Content-Length": str(5 * 2**20)}, retries=False, timeout=3)
    assert refused(there.head_object, Bucket=THERE, Key="short") == ("404", 404)


def test_conditions_and_refusals_are_the_endpoints(s3: Any, passed: str) -> None:
    s3.put_object(Bucket=passed, Key="once-only", Body=b"1", IfNoneMatch="*")
    assert refused(s3.put_object, Bucket=passed, Key="once-only", Body=b"2", IfNoneMatch="*") == (
        "PreconditionFailed",
        412,
    )
    etag = s3.head_object(Bucket=passed, Key="once-only")["ETag"]
    assert refused(s3.get_object, Bucket=passed, Key="once-only", IfNoneMatch=etag) == ("304", 304)
    assert refused(s3.get_object, Bucket=passed, Key="none") == ("NoSuchKey", 404)
    assert refused(s3.head_object, Bucket=passed, Key="none") == ("404", 404)
    assert refused(s3.get_object, Bucket=passed, Key="once-only", Range="bytes=9-") == ("InvalidRange", 416)


def test_copies_inside_into_and_out_of_it(s3: Any, there: Any, passed: str, box: str) -> None:
    s3.put_object(Bucket=passed, Key="copy/source ü", Body=b"there", Metadata={"a": "b"})
    s3.copy_object(Bucket=passed, Key="copy/inside", CopySource={"Bucket": passed, "Key": "copy/source ü"})
    assert there.get_object(Bucket=THERE, Key="copy/inside")["Metadata"] == {"a": "b"}
    s3.copy_object(Bucket=box, Key="out", CopySource={"Bucket": passed, "Key": "copy/source ü"})
    out = s3.get_object(Bucket=box, Key="out")
    assert (out["Body"].read(), out["Metadata"]) == (b"there", {"a": "b"})
    s3.put_object(Bucket=box, Key="here", Body=b"x" * 6_000_000, ContentType="text/y", Tagging="k=v")
    copied = s3.copy_object(Bucket=passed, Key="copy/into", CopySource={"Bucket": box, "Key": "here"})
    into = there.get_object(Bucket=THERE, Key="copy/into")
    assert (len(into["Body"].read()), into["ContentType"]) == (6_000_000, "text/y")
    assert copied["CopyObjectResult"]["ETag"] == into["ETag"]
    assert there.get_object_tagging(Bucket=THERE, Key="copy/into")["TagSet"] == [{"Key": "k", "Value": "v"}]
    config = TransferConfig(multipart_threshold=5 * 2**20, multipart_chunksize=5 * 2**20)
    s3.copy({"Bucket": box, "Key": "here"}, passed, "copy/in-parts", Config=config)
    assert there.head_object(Bucket=THERE, Key="copy/in-parts")["ContentLength"] == 6_000_000


def test_forms_reach_it(s3: Any, there: Any, passed: str) -> None:
    form = s3.generate_presigned_post(passed, "form/${filename}")
    told = [*form["fields"].items(), ("file", ("a.txt", b"posted"))]
    assert urllib3.request("POST", form["url"], fields=told).status == 204
    assert there.get_object(Bucket=THERE, Key="form/a.txt")["Body"].read() == b"posted"


def test_settings_are_not_passed_through(passed: str) -> None:
    s3 = boto3.client("s3", config=BARE)
    code, message = refusal(s3.put_bucket_versioning, Bucket=passed, VersioningConfiguration={"Status": "Enabled"})
    assert code == "NotImplemented"
    assert "set them at http://127.0.0.1:" in message
    assert refused(s3.delete_bucket, Bucket=passed) == ("NotImplemented", 400)
    assert s3.head_bucket(Bucket=passed)["BucketRegion"] == "us-east-1"


def test_our_policies_say_who_may(s3: Any, passed: str, unique: Callable[[str], str]) -> None:
    iam, name = boto3.client("iam"), unique("reader")
    reader = user(iam, name).client("s3")
    s3.put_object(Bucket=passed, Key="mine/a", Body=b"1")
    assert refused(reader.get_object, Bucket=passed, Key="mine/a") == ("AccessDenied", 403)
    allowed = allowing("s3:GetObject", "s3:DeleteObject", resource=f"arn:aws:s3:::{passed}/mine/*")
    iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=allowed)
    assert reader.get_object(Bucket=passed, Key="mine/a")["Body"].read() == b"1"
    assert refused(reader.get_object, Bucket=passed, Key="mine/none") == ("AccessDenied", 403)
    both = {"Objects": [{"Key": "mine/a"}, {"Key": "other/a"}]}
    assert refused(reader.delete_objects, Bucket=passed, Delete=both) == ("AccessDenied", 403)
    assert s3.head_object(Bucket=passed, Key="mine/a")["ContentLength"] == 1


def test_a_job_takes_its_data_from_it_and_leaves_its_model_in_it(
    there: Any, passed: str, job_request: Callable[..., dict[str, Any]], housing: str, bucket: str
) -> None:
    data = boto3.client("s3").get_object(Bucket=bucket, Key="housing/housing.csv")["Body"].read()
    there.put_object(Bucket=THERE, Key="channel/housing.csv", Body=data)
    request = job_request(**{"n-estimators": 10})
    request["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"] = f"s3://{passed}/channel/"
    request["OutputDataConfig"]["S3OutputPath"] = f"s3://{passed}/models"
    sagemaker = boto3.client("sagemaker")
    sagemaker.create_training_job(**request)
    name = request["TrainingJobName"]
    waiter = sagemaker.get_waiter("training_job_completed_or_stopped")
    waiter.wait(TrainingJobName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 300})
    uri = sagemaker.describe_training_job(TrainingJobName=name)["ModelArtifacts"]["S3ModelArtifacts"]
    assert uri == f"s3://{passed}/models/{name}/output/model.tar.gz"
    assert there.head_object(Bucket=THERE, Key=f"models/{name}/output/model.tar.gz")["ContentLength"] > 0


def test_many_at_once(s3: Any, there: Any, passed: str) -> None:
    config = Config(max_pool_connections=20)
    client = boto3.client("s3", config=config)
    failures: list[Exception] = []

    def turn(number: int) -> None:
        try:
            for each in range(10):
                body = bytes([number]) * (200_000 + each)
                client.put_object(Bucket=passed, Key=f"many/{number}", Body=body)
                assert client.get_object(Bucket=passed, Key=f"many/{number}")["Body"].read() == body
        except Exception as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=turn, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_the_endpoint_is_away_for_a_while(
    there: Any, passed: str, other: Server, s3: Any, box: str, bucket_command: Command
) -> None:
    there.put_object(Bucket=THERE, Key="waits", Body=b"1")
    other.kill()
    try:
        client = boto3.client("s3", config=BARE)
        code, message = refusal(client.get_object, Bucket=passed, Key="waits")
        assert code == "RequestTimeout"
        assert f"http://127.0.0.1:{other.port}" in message
        assert refused(client.list_objects_v2, Bucket=passed) == ("RequestTimeout", 400)
        assert refused(client.put_object, Bucket=passed, Key="lost", Body=b"x" * 3_000_000) == ("RequestTimeout", 400)
        copy = {"Bucket": box, "Key": "copy", "CopySource": {"Bucket": passed, "Key": "waits"}}
        assert refused(client.copy_object, **copy) == ("RequestTimeout", 400)
        assert s3.list_objects_v2(Bucket=box)["KeyCount"] == 0
        done = bucket_command("attach", HERE, "--endpoint", f"http://127.0.0.1:{other.port}", "--bucket", THERE)
        assert done.returncode == 1
    finally:
        other.start()
    assert s3.get_object(Bucket=passed, Key="waits")["Body"].read() == b"1"


def test_attaching_is_checked_and_undone(
    s3: Any, there: Any, other: Server, server: Server, bucket_command: Command, box: str
) -> None:
    endpoint = f"http://127.0.0.1:{other.port}"
    there.create_bucket(Bucket="second")
    there.put_object(Bucket="second", Key="k", Body=b"1")
    wrong = bucket_command("attach", "second", "--endpoint", endpoint, UPSTREAM_SECRET_ACCESS_KEY="wrong")
    assert (wrong.returncode, "SignatureDoesNotMatch" in wrong.stderr) == (1, True)
    gone = bucket_command("attach", "second", "--endpoint", endpoint, "--bucket", "nowhere")
    assert (gone.returncode, "NoSuchBucket" in gone.stderr) == (1, True)
    keyless = bucket_command("attach", "second", "--endpoint", endpoint, UPSTREAM_ACCESS_KEY_ID="")
    assert (keyless.returncode, "UPSTREAM_ACCESS_KEY_ID" in keyless.stderr) == (1, True)
    s3.put_object(Bucket=box, Key="k", Body=b"1")
    full = bucket_command("attach", box, "--endpoint", endpoint, "--bucket", "second")
    assert (full.returncode, "holds objects here" in full.stderr) == (1, True)
    assert bucket_command("attach", "second", "--endpoint", endpoint).returncode == 0
    assert s3.get_object(Bucket="second", Key="k")["Body"].read() == b"1"
    listed = bucket_command("list").stdout
    assert f"{endpoint}/second" in listed
    secret = keys_of(other)["aws_secret_access_key"]
    assert secret not in listed
    kept = server.data / "keys" / "upstreams" / "second.json"
    assert (kept.stat().st_mode & 0o777, json.loads(kept.read_text())["secret_access_key"]) == (0o600, secret)
    assert bucket_command("detach", "second").returncode == 0
    assert s3.list_objects_v2(Bucket="second")["KeyCount"] == 0
    assert bucket_command("detach", "second").returncode == 1


def test_keys_that_no_longer_hold_are_told_as_ours(s3: Any, there: Any, other: Server, bucket_command: Command) -> None:
    there.create_bucket(Bucket="stale")
    endpoint, root = f"http://127.0.0.1:{other.port}", keys_of(other)
    session = boto3.Session(root["aws_access_key_id"], root["aws_secret_access_key"])
    iam = session.client("iam", endpoint_url=endpoint, region_name="us-east-1")
    iam.create_user(UserName="passer")
    policy = allowing("s3:*")
    iam.put_user_policy(UserName="passer", PolicyName="own", PolicyDocument=policy)
    key = iam.create_access_key(UserName="passer")["AccessKey"]
    given = {"UPSTREAM_ACCESS_KEY_ID": key["AccessKeyId"], "UPSTREAM_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
    assert bucket_command("attach", "stale", "--endpoint", endpoint, **given).returncode == 0
    assert s3.list_objects_v2(Bucket="stale")["KeyCount"] == 0
    iam.delete_access_key(UserName="passer", AccessKeyId=key["AccessKeyId"])
    code, message = refusal(s3.list_objects_v2, Bucket="stale")
    assert code == "AccessDenied"
    assert "refused: InvalidAccessKeyId. `sagewright bucket attach` says" in message
    assert refused(s3.copy_object, Bucket=HERE, Key="k", CopySource="stale/k") == ("InvalidRequest", 400)
    there.delete_bucket(Bucket="stale")
    assert bucket_command("attach", "stale", "--endpoint", endpoint, "--bucket", THERE).returncode == 0
    assert s3.list_objects_v2(Bucket="stale")["Name"] == "stale"
    bucket_command("detach", "stale")
