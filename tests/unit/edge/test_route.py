"""Which bucket a host names."""

from __future__ import annotations

import pytest

from sagewright.edge.steps.route import bucket_of_host


@pytest.mark.parametrize(
    ("host", "bucket"),
    [
        ("127.0.0.1", None),
        ("[::1]", None),
        ("localhost", None),
        ("sagewright", None),
        ("s3.amazonaws.com", None),
        ("s3.us-east-1.amazonaws.com", None),
        ("s3.localhost", None),
        ("b.s3.amazonaws.com", "b"),
        ("b.s3.us-east-1.amazonaws.com", "b"),
        ("b.s3-us-west-2.amazonaws.com", "b"),
        ("b.s3.cn-north-1.amazonaws.com.cn", "b"),
        ("dotted.name.s3.us-east-1.amazonaws.com", "dotted.name"),
        ("b.s3.localhost", "b"),
        ("b.localhost", "b"),
        ("b.s3.sagewright.internal", "b"),
    ],
)
def test_bucket_of_host(host: str, bucket: str | None) -> None:
    assert bucket_of_host(host) == bucket
