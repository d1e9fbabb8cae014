"""ECR as boto3 and a container tool use it: logging in, pushing, pulling; what a killed server keeps."""

from __future__ import annotations

import base64
import gzip
import hashlib
import http.client
import io
import json
import shutil
import subprocess
import tarfile
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.exceptions import ClientError

from .identities import Unique, user

OCI = "application/vnd.oci.image.manifest.v1+json"
PULL = ("ecr:GetAuthorizationToken", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def layer(name: str) -> bytes:
    """A layer that holds one file."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = 1000
        archive.addfile(entry, io.BytesIO(name.encode().ljust(1000)))
    return gzip.compress(out.getvalue(), mtime=0)


@dataclass
class Picture:
    """An image of two small layers."""

    name: str

    @property
    def layers(self) -> list[bytes]:
        return [layer(f"{self.name}-{number}") for number in (1, 2)]

    @property
    def config(self) -> bytes:
        diffs = [digest_of(gzip.decompress(each)) for each in self.layers]
        rootfs = {"type": "layers", "diff_ids": diffs}
        return json.dumps({"architecture": "amd64", "os": "linux", "rootfs": rootfs}).encode()

    @property
    def manifest(self) -> bytes:
        def described(kind: str, data: bytes) -> dict[str, Any]:
            return {"mediaType": f"application/vnd.oci.image.{kind}", "size": len(data), "digest": digest_of(data)}

        config = described("config.v1+json", self.config)
        layers = [described("layer.v1.tar+gzip", each) for each in self.layers]
        return json.dumps({"schemaVersion": 2, "mediaType": OCI, "config": config, "layers": layers}).encode()

    def layout(self, folder: Path) -> Path:
        """The image as a folder in OCI's layout."""
        blobs = folder / "blobs" / "sha256"
        blobs.mkdir(parents=True)
        for data in (*self.layers, self.config, self.manifest):
            (blobs / digest_of(data).partition(":")[2]).write_bytes(data)
        entry = {"mediaType": OCI, "size": len(self.manifest), "digest": digest_of(self.manifest)}
        named = {**entry, "annotations": {"org.opencontainers.image.ref.name": "latest"}}
        (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [named]}))
        (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        return folder


@dataclass
class Docker:
    """Does over HTTP what docker does."""

    host: str
    login: str

    @classmethod
    def of(cls, ecr: Any) -> Docker:
        """Logged in as a client's caller."""
        data = ecr.get_authorization_token()["authorizationData"][0]
        return cls(urlsplit(data["proxyEndpoint"]).netloc, data["authorizationToken"])

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(self.host, timeout=60)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, {"authorization": f"Basic {self.login}", **sent})
        answer = connection.getresponse()
        content = answer.read()
        self.location = answer.headers.get("location", "")
        connection.close()
        return answer.status, content

    def push_blob(self, name: str, data: bytes) -> int:
        status, _ = self.ask("POST", f"/v2/{name}/blobs/uploads/")
        if status != 202:
            return status
        status, _ = self.ask("PATCH", self.location, data, content_type="application/octet-stream")
        if status != 202:
            return status
        return self.ask("PUT", f"{self.location}?digest={digest_of(data)}")[0]

    def push(self, name: str, picture: Picture, tag: str) -> int:
        """The first status that is not 201, else that."""
        for data in (*picture.layers, picture.config):
            if self.ask("HEAD", f"/v2/{name}/blobs/{digest_of(data)}")[0] != 200:
                status = self.push_blob(name, data)
                if status != 201:
                    return status
        return self.ask("PUT", f"/v2/{name}/manifests/{tag}", picture.manifest, content_type=OCI)[0]

    def pull(self, name: str, reference: str) -> tuple[bytes, list[bytes]]:
        """A manifest and its layers."""
        status, manifest = self.ask("GET", f"/v2/{name}/manifests/{reference}", accept=OCI)
        assert status == 200, manifest
        wanted = [each["digest"] for each in json.loads(manifest)["layers"]]
        return manifest, [self.ask("GET", f"/v2/{name}/blobs/{digest}")[1] for digest in wanted]


@pytest.fixture(scope="module")
def ecr(server: Any) -> Any:
    return boto3.client("ecr")


@pytest.fixture
def repository(ecr: Any, unique: Unique) -> str:
    return str(ecr.create_repository(repositoryName=unique("team/app"))["repository"]["repositoryName"])


def code(question: Callable[..., Any], **members: Any) -> str:
    with pytest.raises(ClientError) as caught:
        question(**members)
    return str(caught.value.response["Error"]["Code"])


def test_an_image_is_pushed_and_pulled_as_docker_does(ecr: Any, repository: str) -> None:
    docker, picture = Docker.of(ecr), Picture("one")
    assert docker.push(repository, picture, "v1") == 201
    assert docker.pull(repository, "v1") == (picture.manifest, picture.layers)
    found = ecr.describe_images(repositoryName=repository, imageIds=[{"imageTag": "v1"}])["imageDetails"][0]
    assert found["imageDigest"] == digest_of(picture.manifest)
    assert found["imageSizeInBytes"] == sum(map(len, (*picture.layers, picture.config)))
    assert code(ecr.delete_repository, repositoryName=repository) == "RepositoryNotEmptyException"
    ecr.delete_repository(repositoryName=repository, force=True)
    assert docker.ask("GET", f"/v2/{repository}/manifests/v1")[0] == 404


def test_an_image_is_put_together_by_the_api_alone(ecr: Any, repository: str) -> None:
    picture = Picture("api")
    for data in (*picture.layers, picture.config):
        upload = ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]
        part = {"partFirstByte": 0, "partLastByte": len(data) - 1, "layerPartBlob": data}
        ecr.upload_layer_part(repositoryName=repository, uploadId=upload, **part)
        digests = [digest_of(data)]
        ecr.complete_layer_upload(repositoryName=repository, uploadId=upload, layerDigests=digests)
    ecr.put_image(repositoryName=repository, imageManifest=picture.manifest.decode(), imageTag="v1")
    got = ecr.batch_get_image(repositoryName=repository, imageIds=[{"imageTag": "v1"}])["images"][0]
    assert got["imageManifest"].encode() == picture.manifest
    asked = {"repositoryName": repository, "layerDigest": digest_of(picture.layers[0])}
    url = ecr.get_download_url_for_layer(**asked)["downloadUrl"]
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == picture.layers[0]
    gone = ecr.batch_delete_image(repositoryName=repository, imageIds=[{"imageTag": "v1"}])
    assert gone["imageIds"] == [{"imageDigest": digest_of(picture.manifest), "imageTag": "v1"}]
    assert code(ecr.get_download_url_for_layer, **asked) == "LayersNotFoundException"


def test_a_real_tool_copies_images_in_and_out(ecr: Any, repository: str, tmp_path: Path) -> None:
    if not shutil.which("skopeo"):
        pytest.skip("skopeo is not installed here")
    data = ecr.get_authorization_token()["authorizationData"][0]
    login = base64.b64decode(data["authorizationToken"]).decode()
    host = urlsplit(data["proxyEndpoint"]).netloc
    picture = Picture("tool")

    def skopeo(*words: str) -> str:
        done = subprocess.run(["skopeo", *words], check=False, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    into = ["--dest-tls-verify=false", "--dest-creds", login]
    out = ["--src-tls-verify=false", "--src-creds", login]
    here = f"docker://{host}/{repository}"
    source = picture.layout(tmp_path / "source")
    skopeo("copy", *into, f"oci:{source}:latest", f"{here}:v1")
    skopeo("copy", "--format=v2s2", *into, f"oci:{source}:latest", f"{here}:docker")
    other = f"{repository}-copy"
    ecr.create_repository(repositoryName=other)
    skopeo("copy", *out, *into, f"{here}:v1", f"docker://{host}/{other}:v1")
    skopeo("copy", *out, f"docker://{host}/{other}:v1", f"oci:{tmp_path / 'back'}:latest")
    kept = {path.name: path.read_bytes() for path in (source / "blobs" / "sha256").iterdir()}
    back = {path.name: path.read_bytes() for path in (tmp_path / "back" / "blobs" / "sha256").iterdir()}
    assert back == kept
    tags = json.loads(skopeo("list-tags", "--tls-verify=false", "--creds", login, here))["Tags"]
    assert tags == ["docker", "v1"]
    skopeo("delete", "--tls-verify=false", "--creds", login, f"{here}:v1")
    assert (
        code(ecr.describe_images, repositoryName=repository, imageIds=[{"imageTag": "v1"}]) == "ImageNotFoundException"
    )


def test_who_may_pull_may_not_push(ecr: Any, repository: str, unique: Unique) -> None:
    owner, picture = Docker.of(ecr), Picture("secret")
    assert owner.push(repository, picture, "v1") == 201
    iam = boto3.client("iam")
    puller = Docker.of(user(iam, unique("puller"), *PULL).client("ecr"))
    assert puller.pull(repository, "v1") == (picture.manifest, picture.layers)
    status, body = puller.ask("POST", f"/v2/{repository}/blobs/uploads/")
    assert (status, json.loads(body)["errors"][0]["code"]) == (403, "DENIED")
    assert b"not authorized to perform: ecr:InitiateLayerUpload" in body
    assert puller.ask("DELETE", f"/v2/{repository}/manifests/v1")[0] == 403
    assert puller.ask("GET", "/v2/_catalog")[0] == 403


def test_a_repository_s_policy_opens_it_and_a_login_ends_with_its_user(
    ecr: Any, repository: str, unique: Unique
) -> None:
    picture = Picture("shared")
    assert Docker.of(ecr).push(repository, picture, "v1") == 201
    iam, name = boto3.client("iam"), unique("guest")
    guest = Docker.of(user(iam, name, "ecr:GetAuthorizationToken").client("ecr"))
    assert guest.ask("GET", f"/v2/{repository}/manifests/v1")[0] == 403
    arn = iam.get_user(UserName=name)["User"]["Arn"]
    statement = {"Effect": "Allow", "Principal": {"AWS": arn}, "Action": list(PULL[1:])}
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    ecr.set_repository_policy(repositoryName=repository, policyText=text)
    assert guest.pull(repository, "v1") == (picture.manifest, picture.layers)
    ecr.delete_repository_policy(repositoryName=repository)
    assert guest.ask("GET", f"/v2/{repository}/manifests/v1")[0] == 403


def test_without_a_login_nothing_is_told(ecr: Any, repository: str) -> None:
    host = Docker.of(ecr).host
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"http://{host}/v2/{repository}/tags/list")
    assert refused.value.code == 401
    assert refused.value.headers["www-authenticate"].startswith("Basic ")


def test_what_expires_by_the_policy_goes(ecr: Any, repository: str, eventually: Callable[..., Any]) -> None:
    docker = Docker.of(ecr)
    for name in ("one", "two"):
        assert docker.push(repository, Picture(name), name) == 201
    selection = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1}
    rule = {"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}
    ecr.put_lifecycle_policy(repositoryName=repository, lifecyclePolicyText=json.dumps({"rules": [rule]}))

    def left() -> bool:
        ids = ecr.list_images(repositoryName=repository)["imageIds"]
        return [image["imageTag"] for image in ids] == ["two"]

    eventually(left)


def test_pushes_are_events(ecr: Any, repository: str, unique: Unique, eventually: Callable[..., Any]) -> None:
    events, logs, group = boto3.client("events"), boto3.client("logs"), f"/aws/events/{unique('ecr')}"
    logs.create_log_group(logGroupName=group)
    pattern = {"source": ["aws.ecr"], "detail": {"repository-name": [repository]}}
    rule = unique("pushes")
    events.put_rule(Name=rule, EventPattern=json.dumps(pattern))
    arn = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["arn"].removesuffix(":*")
    events.put_targets(Rule=rule, Targets=[{"Id": "1", "Arn": arn}])
    picture = Picture("told")
    assert Docker.of(ecr).push(repository, picture, "v1") == 201

    def heard() -> list[dict[str, Any]]:
        return [json.loads(each["message"]) for each in logs.filter_log_events(logGroupName=group)["events"]]

    event = eventually(heard)[0]
    assert (event["detail-type"], event["region"]) == ("ECR Image Action", "us-east-1")
    assert event["detail"] == {
        "result": "SUCCESS",
        "repository-name": repository,
        "image-digest": digest_of(picture.manifest),
        "action-type": "PUSH",
        "image-tag": "v1",
    }


def test_what_was_acknowledged_outlives_a_kill_and_so_does_a_login(own_server: Any) -> None:
    keys = own_server.environment()
    session = boto3.Session(
        keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"], keys.get("AWS_SESSION_TOKEN"), "us-east-1"
    )
    ecr = session.client("ecr", endpoint_url=f"http://127.0.0.1:{own_server.port}")
    ecr.create_repository(repositoryName="app")
    docker, picture, large = Docker.of(ecr), Picture("kept"), bytes(range(256)) * 40_000
    assert docker.push("app", picture, "v1") == 201
    assert docker.ask("POST", "/v2/app/blobs/uploads/")[0] == 202
    assert docker.ask("PATCH", docker.location, large[:6_000_000])[0] == 202
    going_on = docker.location
    own_server.kill()
    stray = own_server.data / "registry" / "00" / ("00" * 32)
    stray.parent.mkdir(exist_ok=True)
    stray.write_bytes(b"half a layer")
    own_server.start()
    assert not stray.exists()
    assert docker.pull("app", "v1") == (picture.manifest, picture.layers)
    assert docker.ask("GET", going_on)[0] == 204
    assert docker.ask("PUT", f"{going_on}?digest={digest_of(large)}", large[6_000_000:])[0] == 201
    assert docker.ask("GET", f"/v2/app/blobs/{digest_of(large)}")[1] == large


def test_what_is_not_there_refuses_in_words(ecr: Any, repository: str) -> None:
    for ask, members in (
        (ecr.start_image_scan, {"repositoryName": repository, "imageId": {"imageTag": "v1"}}),
        (ecr.create_pull_through_cache_rule, {"ecrRepositoryPrefix": "hub", "upstreamRegistryUrl": "quay.io"}),
        (ecr.put_replication_configuration, {"replicationConfiguration": {"rules": []}}),
    ):
        with pytest.raises(ClientError, match="Sagewright does not"):
            ask(**members)
    assert ecr.describe_pull_through_cache_rules()["pullThroughCacheRules"] == []
    assert ecr.describe_registry()["replicationConfiguration"] == {"rules": []}
