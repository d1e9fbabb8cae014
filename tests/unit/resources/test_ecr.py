"""What counts as the address of an image of ours."""

from __future__ import annotations

import pytest

from sagewright.resources.ecr import ImageName, repository_of

ACCOUNT = "123456789012"
DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/team/app:v1", ImageName("us-east-1", "team/app", "v1")),
        (f"{ACCOUNT}.dkr.ecr.cn-north-1.amazonaws.com.cn/app", ImageName("cn-north-1", "app", "latest")),
        (f"{ACCOUNT}.dkr.ecr-fips.us-east-1.amazonaws.com/app:1", ImageName("us-east-1", "app", "1")),
        (f"{ACCOUNT}.dkr-ecr.us-east-1.on.aws/app:1", ImageName("us-east-1", "app", "1")),
        (f"127.0.0.1:4700/app@{DIGEST}", ImageName(None, "app", DIGEST)),
        (f"127.0.0.1:4700/app:v1@{DIGEST}", ImageName(None, "app", DIGEST)),
        ("localhost:4700/a/b-c/d__e:latest", ImageName(None, "a/b-c/d__e", "latest")),
        ("localhost/app", ImageName(None, "app", "latest")),
        ("[::1]:4700/app:v1", ImageName(None, "app", "v1")),
        ("build.example.org:4700/app:v1", ImageName(None, "app", "v1")),
        ("images.example.org/app:v1", ImageName(None, "app", "v1")),
        ("683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3", None),
        ("docker.io/library/python:3.11", None),
        ("python:3.11", None),
        ("team/app:v1", None),
        ("127.0.0.1:4700/App:v1", None),
        ("127.0.0.1:4700/app:", None),
        ("127.0.0.1:4700/app:a b", None),
        ("127.0.0.1:4700/app@sha256:12", None),
        ("127.0.0.1:4700/", None),
        ("", None),
        ("user@host:80/app", None),
    ],
)
def test_addresses_are_told_apart(image: str, expected: ImageName | None) -> None:
    assert repository_of(image, ACCOUNT, hosts={"images.example.org"}) == expected
