"""The registry's protocol: who may in, what goes in and out, and how it refuses."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest

from sagewright.dataplane.images.manifests import DOCKER_IMAGE, OCI_IMAGE, OCI_INDEX, digest_of
from sagewright.testing.asker import Answer, Asker

Ask = Callable[..., Answer]
LAYER = bytes(range(256)) * 16
CONFIG = b"{}"
NONE = "sha256:" + "0" * 64


@dataclass
class Docker:
    """Speaks as docker does, with a login."""

    asker: Asker
    login: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def ecr(self, operation: str, **members: Any) -> dict[str, Any]:
        target = f"AmazonEC2ContainerRegistry_V20150921.{operation}"
        headers = {"x-amz-target": target, "content-type": "application/x-amz-json-1.1"}
        answer = self.asker.ask(service="ecr", headers=headers, body=json.dumps(members).encode())
        assert answer.status == 200, answer.body
        return dict(json.loads(answer.body))

    def ask(self, method: str, path: str, body: bytes = b"", *, query: str = "", **headers: str) -> Answer:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        login = {"authorization": f"Basic {self.login}"} if self.login else {}
        return self.asker.ask(
            method, path, query=query, headers={**login, **self.headers, **sent}, body=body, signed=False
        )

    def blob(self, data: bytes, name: str = "app") -> str:
        digest = digest_of(data)
        begun = self.ask("POST", f"/v2/{name}/blobs/uploads/")
        assert begun.status == 202
        sent = self.ask("PATCH", begun.headers["location"], data)
        assert (sent.status, sent.headers["range"]) == (202, f"0-{max(len(data) - 1, 0)}")
        kept = self.ask("PUT", sent.headers["location"], query=f"digest={digest}")
        assert (kept.status, kept.headers["docker-content-digest"]) == (201, digest)
        return digest

    def push(self, reference: str = "v1", name: str = "app", **said: Any) -> Answer:
        self.blob(CONFIG, name)
        self.blob(LAYER, name)
        return self.ask("PUT", f"/v2/{name}/manifests/{reference}", manifest(**said), content_type=OCI_IMAGE)


def manifest(**said: Any) -> bytes:
    def described(data: bytes) -> dict[str, Any]:
        return {"mediaType": "application/x", "size": len(data), "digest": digest_of(data)}

    content = {"schemaVersion": 2, "config": described(CONFIG), "layers": [described(LAYER)], **said}
    return json.dumps(content).encode()


@pytest.fixture
def docker(asker: Asker) -> Docker:
    docker = Docker(asker)
    docker.ecr("CreateRepository", repositoryName="app")
    docker.login = docker.ecr("GetAuthorizationToken")["authorizationData"][0]["authorizationToken"]
    return docker


def refusal(answer: Answer) -> tuple[int, str]:
    return answer.status, json.loads(answer.body)["errors"][0]["code"]


# Who may in.


def test_who_has_not_logged_in_is_told_how(docker: Docker) -> None:
    docker.login = ""
    for path in ("/v2/", "/v2/app/manifests/v1", "/v2/_catalog"):
        answer = docker.ask("GET", path)
        assert refusal(answer) == (401, "UNAUTHORIZED")
        assert answer.headers["www-authenticate"].startswith("Basic realm=")
        assert answer.headers["docker-distribution-api-version"] == "registry/2.0"
        assert b"aws ecr get-login-password" in answer.body


@pytest.mark.parametrize("login", ["x", base64.b64encode(b"AWS:x").decode(), base64.b64encode(b"me:x").decode(), "é"])
def test_a_wrong_login_is_refused(docker: Docker, login: str) -> None:
    docker.login = login
    assert refusal(docker.ask("GET", "/v2/")) == (401, "UNAUTHORIZED")


def test_a_login_lets_in_under_its_user_only(docker: Docker) -> None:
    assert docker.ask("GET", "/v2/").status == 200
    password = base64.b64decode(docker.login).partition(b":")[2]
    docker.login = base64.b64encode(b"root:" + password).decode()
    assert refusal(docker.ask("GET", "/v2/")) == (401, "UNAUTHORIZED")


def test_keys_of_buckets_and_signed_requests_are_none_of_the_registry_s(docker: Docker) -> None:
    answer = docker.ask("GET", "/v2/app/manifests/v1", host="bucket.localhost:4700")
    assert "docker-distribution-api-version" not in answer.headers
    assert "docker-distribution-api-version" not in docker.asker.ask("GET", "/v2/things", service="s3").headers


def test_the_host_may_name_account_and_region(docker: Docker) -> None:
    docker.push()
    here = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
    assert docker.ask("GET", "/v2/app/manifests/v1", host=here).status == 200
    elsewhere = here.replace("us-east-1", "eu-west-1")
    assert refusal(docker.ask("GET", "/v2/app/manifests/v1", host=elsewhere)) == (404, "NAME_UNKNOWN")
    foreign = here.replace("123456789012", "999999999999")
    assert refusal(docker.ask("GET", "/v2/", host=foreign)) == (403, "DENIED")


# Images.


def test_an_image_goes_in_and_comes_out_to_the_byte(docker: Docker) -> None:
    pushed = docker.push()
    digest = digest_of(manifest())
    assert (pushed.status, pushed.headers["docker-content-digest"]) == (201, digest)
    for reference in ("v1", digest):
        got = docker.ask("GET", f"/v2/app/manifests/{reference}", accept=f"text/x, {OCI_IMAGE}")
        assert (got.status, got.body, got.headers["content-type"]) == (200, manifest(), OCI_IMAGE)
        head = docker.ask("HEAD", f"/v2/app/manifests/{reference}")
        assert (head.status, head.body, head.headers["content-length"]) == (200, b"", str(len(manifest())))
    layer = docker.ask("GET", f"/v2/app/blobs/{digest_of(LAYER)}")
    assert (layer.body, layer.headers["content-length"]) == (LAYER, str(len(LAYER)))
    head = docker.ask("HEAD", f"/v2/app/blobs/{digest_of(LAYER)}")
    assert (head.status, head.headers["content-length"]) == (200, str(len(LAYER)))
    assert docker.push().status == 201


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [("bytes=0-9", 0, 10), ("bytes=4090-", 4090, 4096), ("bytes=-6", 4090, 4096), ("bytes=4000-9999", 4000, 4096)],
)
def test_a_piece_of_a_layer_is_given(docker: Docker, asked: str, start: int, end: int) -> None:
    digest = docker.blob(LAYER)
    answer = docker.ask("GET", f"/v2/app/blobs/{digest}", range=asked)
    assert (answer.status, answer.body) == (206, LAYER[start:end])
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/4096"


@pytest.mark.parametrize(("asked", "status"), [("bytes=4096-", 416), ("bytes=9-1", 200), ("lines=1-2", 200)])
def test_a_piece_that_is_none(docker: Docker, asked: str, status: int) -> None:
    digest = docker.blob(LAYER)
    assert docker.ask("GET", f"/v2/app/blobs/{digest}", range=asked).status == status


def test_a_manifest_that_the_client_does_not_take_is_not_given(docker: Docker) -> None:
    docker.push()
    assert refusal(docker.ask("GET", "/v2/app/manifests/v1", accept=DOCKER_IMAGE)) == (404, "MANIFEST_UNKNOWN")
    assert docker.ask("GET", "/v2/app/manifests/v1", accept="*/*").status == 200


def test_images_go_by_digest_or_tag(docker: Docker) -> None:
    docker.push()
    docker.push("v2")
    assert docker.ask("DELETE", "/v2/app/manifests/v2").status == 202
    assert json.loads(docker.ask("GET", "/v2/app/tags/list").body) == {"name": "app", "tags": ["v1"]}
    assert docker.ask("DELETE", f"/v2/app/manifests/{digest_of(manifest())}").status == 202
    assert refusal(docker.ask("GET", "/v2/app/manifests/v1")) == (404, "MANIFEST_UNKNOWN")
    assert refusal(docker.ask("DELETE", "/v2/app/manifests/v1")) == (404, "MANIFEST_UNKNOWN")


def test_lists_are_paged(docker: Docker) -> None:
    for tag in ("c", "a", "b"):
        docker.push(tag)
    page = docker.ask("GET", "/v2/app/tags/list", query="n=2")
    assert json.loads(page.body)["tags"] == ["a", "b"]
    assert page.headers["link"] == '</v2/app/tags/list?last=b&n=2>; rel="next"'
    page = docker.ask("GET", "/v2/app/tags/list", query="n=2&last=b")
    assert json.loads(page.body)["tags"] == ["c"]
    assert "link" not in page.headers
    docker.ecr("CreateRepository", repositoryName="team/b")
    assert json.loads(docker.ask("GET", "/v2/_catalog").body) == {"repositories": ["app", "team/b"]}
    assert json.loads(docker.ask("GET", "/v2/_catalog", query="n=1&last=app").body) == {"repositories": ["team/b"]}
    assert json.loads(docker.ask("GET", "/v2/_catalog", query="n=0").body) == {"repositories": []}
    assert docker.ask("GET", "/v2/_catalog", query="n=-1").status == 400


def test_signatures_are_found_with_what_they_are_about(docker: Docker) -> None:
    docker.push()
    digest = digest_of(manifest())
    about: dict[str, Any] = {
        "subject": {"mediaType": OCI_IMAGE, "size": 1, "digest": digest},
        "artifactType": "application/x-s",
    }
    pushed = docker.push(digest_of(manifest(**about)), **about)
    assert pushed.headers["oci-subject"] == digest
    found = docker.ask("GET", f"/v2/app/referrers/{digest}")
    assert (found.status, found.headers["content-type"]) == (200, OCI_INDEX)
    assert [each["artifactType"] for each in json.loads(found.body)["manifests"]] == ["application/x-s"]
    filtered = docker.ask("GET", f"/v2/app/referrers/{digest}", query="artifactType=other")
    assert (json.loads(filtered.body)["manifests"], filtered.headers["oci-filters-applied"]) == ([], "artifactType")


# Uploads.


def test_a_layer_comes_in_one_request_or_in_chunks(docker: Docker) -> None:
    digest = digest_of(LAYER)
    whole = docker.ask("POST", "/v2/app/blobs/uploads/", LAYER, query=f"digest={digest}")
    assert (whole.status, whole.headers["location"]) == (201, f"/v2/app/blobs/{digest}")
    begun = docker.ask("POST", "/v2/app/blobs/uploads/").headers["location"]
    assert docker.ask("PATCH", begun, b"one", content_range="0-2").status == 202
    late = docker.ask("PATCH", begun, b"three", content_range="6-10")
    assert (refusal(late), late.headers["range"]) == ((416, "BLOB_UPLOAD_INVALID"), "0-2")
    status = docker.ask("GET", begun)
    assert (status.status, status.headers["range"]) == (204, "0-2")
    last = docker.ask("PUT", begun, b"two", query=f"digest={digest_of(b'onetwo')}", content_range="3-5")
    assert last.status == 201
    assert docker.ask("GET", f"/v2/app/blobs/{digest_of(b'onetwo')}").body == b"onetwo"


def test_bytes_that_are_not_what_was_said_are_not_kept(docker: Docker) -> None:
    assert refusal(docker.ask("POST", "/v2/app/blobs/uploads/", b"x", query=f"digest={NONE}")) == (
        400,
        "DIGEST_INVALID",
    )
    assert docker.ask("HEAD", f"/v2/app/blobs/{NONE}").status == 404


def test_an_upload_is_given_up(docker: Docker) -> None:
    begun = docker.ask("POST", "/v2/app/blobs/uploads/").headers["location"]
    assert docker.ask("DELETE", begun).status == 204
    assert refusal(docker.ask("PATCH", begun, b"x")) == (404, "BLOB_UPLOAD_UNKNOWN")
    assert refusal(docker.ask("DELETE", begun)) == (404, "BLOB_UPLOAD_UNKNOWN")


def test_a_layer_is_taken_from_another_repository_unless_that_is_switched_off(docker: Docker) -> None:
    docker.ecr("CreateRepository", repositoryName="base")
    digest = docker.blob(LAYER, "base")
    mount = f"mount={digest}&from=base"
    assert docker.ask("POST", "/v2/app/blobs/uploads/", query=mount).status == 201
    assert docker.ask("GET", f"/v2/app/blobs/{digest}").body == LAYER
    assert docker.ask("POST", "/v2/app/blobs/uploads/", query=f"mount={NONE}&from=base").status == 202
    assert docker.ask("POST", "/v2/app/blobs/uploads/", query=f"mount={digest}").status == 202
    docker.ecr("PutAccountSetting", name="BLOB_MOUNTING", value="DISABLED")
    assert docker.ask("POST", "/v2/app/blobs/uploads/", query=mount).status == 202


def test_a_layer_has_an_address_for_a_while(docker: Docker) -> None:
    digest = docker.blob(LAYER)
    url = docker.ecr("GetDownloadUrlForLayer", repositoryName="app", layerDigest=digest)["downloadUrl"]
    parts = urlsplit(url)
    docker.login = ""
    assert docker.ask("GET", parts.path, query=parts.query).body == LAYER
    assert docker.ask("GET", "/v2/app/tags/list", query=parts.query).status == 401
    assert docker.ask("GET", parts.path.replace(digest, NONE), query=parts.query).status == 401


# Refusals.


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/v2/none/manifests/v1", (404, "NAME_UNKNOWN")),
        ("GET", "/v2/none/tags/list", (404, "NAME_UNKNOWN")),
        ("POST", "/v2/none/blobs/uploads/", (404, "NAME_UNKNOWN")),
        ("PUT", "/v2/none/manifests/v1", (404, "NAME_UNKNOWN")),
        ("GET", f"/v2/none/blobs/{NONE}", (404, "NAME_UNKNOWN")),
        ("GET", "/v2/app/manifests/v1", (404, "MANIFEST_UNKNOWN")),
        ("GET", f"/v2/app/blobs/{NONE}", (404, "BLOB_UNKNOWN")),
        ("GET", "/v2/app/blobs/md5:1", (400, "DIGEST_INVALID")),
        ("GET", "/v2/app/manifests/sha256:1", (400, "DIGEST_INVALID")),
        ("GET", "/v2/app/manifests/%20", (400, "TAG_INVALID")),
        ("PUT", "/v2/app/manifests/v1", (400, "MANIFEST_INVALID")),
        ("GET", "/v2/APP/manifests/v1", (400, "NAME_INVALID")),
        ("GET", "/v2/../manifests/v1", (400, "NAME_INVALID")),
        ("GET", f"/v2/{'a' * 300}/manifests/v1", (400, "NAME_INVALID")),
        ("PUT", "/v2/app/blobs/uploads/../../x", (404, "UNSUPPORTED")),
        ("PATCH", "/v2/app/blobs/uploads/..", (404, "BLOB_UPLOAD_UNKNOWN")),
        ("PUT", "/v2/app/blobs/uploads/x", (400, "DIGEST_INVALID")),
        ("DELETE", f"/v2/app/blobs/{NONE}", (405, "UNSUPPORTED")),
        ("POST", "/v2/app/manifests/v1", (405, "UNSUPPORTED")),
        ("GET", "/v2/app/tags/other", (404, "UNSUPPORTED")),
        ("GET", "/v2/things", (404, "UNSUPPORTED")),
    ],
)
def test_refusals_are_those_of_the_specification(
    docker: Docker, method: str, path: str, expected: tuple[int, str]
) -> None:
    assert refusal(docker.ask(method, path)) == expected


def test_a_manifest_needs_its_layers_and_its_digest(docker: Docker) -> None:
    lacking = docker.ask("PUT", "/v2/app/manifests/v1", manifest(), content_type=OCI_IMAGE)
    assert refusal(lacking) == (400, "MANIFEST_BLOB_UNKNOWN")
    assert refusal(docker.ask("PUT", f"/v2/app/manifests/{NONE}", manifest())) == (400, "DIGEST_INVALID")
    long = docker.ask("PUT", "/v2/app/manifests/v1", b" " * (4 << 20 | 1))
    assert refusal(long) == (413, "MANIFEST_INVALID")


def test_a_tag_that_may_not_move_is_invalid(docker: Docker) -> None:
    docker.push()
    docker.ecr("PutImageTagMutability", repositoryName="app", imageTagMutability="IMMUTABLE")
    assert docker.push().status == 201
    moved = docker.push(annotations={"another": "one"})
    assert refusal(moved) == (400, "TAG_INVALID")
    assert b"because the repository is immutable" in moved.body
