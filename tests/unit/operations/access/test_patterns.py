"""Wildcards, variables, ARNs."""

from __future__ import annotations

import fnmatch
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagewright.operations.access.patterns import Glob, Text, pieces, wildcards

KNOWN = {"aws:username": ["ann"], "aws:many": ["a", "b"], "aws:star": ["*"]}


@pytest.mark.parametrize(
    ("pattern", "arn", "matches"),
    [
        ("arn:aws:s3:::box/*", "arn:aws:s3:::box/a/b", True),
        ("arn:aws:s3:::box/*", "arn:aws:s3:::box", False),
        ("arn:aws:sagemaker:*:*:training-job/a*", "arn:aws:sagemaker:us-east-1:1:training-job/ab", True),
        ("arn:aws:sagemaker:*:training-job/a", "arn:aws:sagemaker:us-east-1:1:training-job/a", False),
        ("arn:aws:sagemaker:*", "arn:aws:sagemaker:us-east-1:1:training-job/a", True),
        ("arn:aws:logs:*:*:log-group:/aws/*", "arn:aws:logs:us-east-1:1:log-group:/aws/x:log-stream:y", True),
        ("arn:aws:logs:*:*:*:log-stream:y", "arn:aws:logs:us-east-1:1:log-group:/aws/x:log-stream:y", True),
        ("arn:aws:iam::?:role/r", "arn:aws:iam::1:role/r", True),
        ("arn:aws:iam:?1:role/r", "arn:aws:iam::1:role/r", False),
        ("arn:aws:s3:::box/${aws:username}/*", "arn:aws:s3:::box/ann/x", True),
        ("arn:aws:s3:::box/${aws:username}/*", "arn:aws:s3:::box/bob/x", False),
        ("arn:aws:s3:::box/${AWS:UserName}", "arn:aws:s3:::box/ann", True),
        ("arn:aws:s3:::box/${aws:star}", "arn:aws:s3:::box/x", False),
        ("arn:aws:s3:::box/${aws:none, 'all'}", "arn:aws:s3:::box/all", True),
        ("arn:aws:s3:::box/${aws:none}", "arn:aws:s3:::box/x", None),
        ("arn:aws:s3:::box/${aws:many}", "arn:aws:s3:::box/a", None),
        ("arn:aws:s3:::box/${*}", "arn:aws:s3:::box/x", False),
        ("arn:aws:s3:::box/${*}", "arn:aws:s3:::box/*", True),
        ("arn:aws:s3:::box/${$}{a}", "arn:aws:s3:::box/${a}", True),
        ("arn:aws:s3:::box/a.c", "arn:aws:s3:::box/abc", False),
    ],
)
def test_arns(pattern: str, arn: str, matches: bool | None) -> None:
    assert Glob(pattern, arn=True).matches(arn, KNOWN) is matches


def test_variables_count_only_where_the_policy_says_so() -> None:
    assert Glob("${aws:username}", variables=False).matches("${aws:username}", KNOWN)
    assert Text("${aws:username}", variables=False).filled(KNOWN) == "${aws:username}"
    assert Text("of ${aws:username}${*}").filled(KNOWN) == "of ann*"


@given(st.text(alphabet="ab*?.", max_size=10), st.text(alphabet="ab.", max_size=10))
def test_wildcards_are_those_of_file_names(pattern: str, text: str) -> None:
    expected = re.fullmatch(fnmatch.translate(pattern), text) is not None
    assert Glob(pattern).matches(text, {}) is expected


@given(
    st.text(alphabet="ab*?:", max_size=14),
    st.text(alphabet="ab:", max_size=14),
)
def test_wildcards_of_arns_stay_in_their_part(pattern: str, text: str) -> None:
    parts = pattern.split(":", 5)
    bounded, rest = parts[:5], parts[5:]
    spelled = [re.escape(part).replace(r"\*", "[^:]*").replace(r"\?", "[^:]") for part in bounded]
    spelled += [re.escape(part).replace(r"\*", ".*").replace(r"\?", ".") for part in rest]
    source = ":".join(spelled)
    if pattern.endswith("*") and not rest:
        source = source.removesuffix("[^:]*") + ".*"
    assert Glob(pattern, arn=True).matches(text, {}) is (re.fullmatch(source, text) is not None)


@pytest.mark.parametrize("arn", [True, False])
def test_many_wildcards_take_no_longer_than_few(arn: bool) -> None:
    # Tried in all ways, one of these would take longer than the machine lasts.
    text = "arn:aws:s3:::" + "a" * 1024
    assert Glob("arn:aws:s3:::" + "*a" * 60 + "b", arn=arn).matches(text, {}) is False
    assert Glob("arn:aws:s3:::" + "*?" * 60 + "b", arn=arn).matches(text, {}) is False
    assert re.fullmatch("|".join(map(wildcards, ["*?" * 40 + "b", "*e" * 40])), "e" * 128) is not None
    assert list(pieces("${" * 60_000)) == ["${" * 60_000]


@given(st.text(), st.text())
def test_a_text_without_wildcards_matches_itself_only(pattern: str, text: str) -> None:
    plain = re.sub(r"[*?$]", "", pattern)
    assert Glob(plain, arn=True).matches(plain, {}) is True
    assert Glob(plain, arn=True).matches(text, {}) is (text == plain)
