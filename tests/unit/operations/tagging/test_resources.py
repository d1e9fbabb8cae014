"""What fits which filters."""

from __future__ import annotations

import pytest

from sagewright.operations.tagging.resources import _fits_tags, _fits_types, _page

ENDPOINT = "arn:aws:sagemaker:us-east-1:123456789012:endpoint/e"


@pytest.mark.parametrize(
    ("arn", "filters", "fits"),
    [
        (ENDPOINT, [], True),
        (ENDPOINT, ["sagemaker"], True),
        (ENDPOINT, ["s3", "sagemaker:endpoint"], True),
        (ENDPOINT, ["sagemaker:model"], False),
        ("arn:aws:secretsmanager:us-east-1:123456789012:secret:s-1", ["secretsmanager:secret"], True),
        ("not an arn", [], True),
        ("not an arn", ["glue"], False),
    ],
)
def test_types(arn: str, filters: list[str], fits: bool) -> None:
    assert _fits_types(arn, filters) is fits


def test_tags_fit_all_filters_with_one_of_their_values() -> None:
    tags = {"team": "a", "stage": "prod"}
    assert _fits_tags(tags, [{"Key": "team", "Values": ["b", "a"]}, {"Key": "stage"}])
    assert not _fits_tags(tags, [{"Key": "team", "Values": ["b"]}])
    assert not _fits_tags(tags, [{"Key": "owner", "Values": []}])


def test_pages_follow_each_other() -> None:
    found = [(name, {"k": "v"}) for name in ("a", "b", "c")]
    assert _page(found, "", 2) == (found[:2], "b")
    assert _page(found, "b", 2) == (found[2:], "")
