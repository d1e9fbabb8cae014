"""Statements are found where they stand."""

from __future__ import annotations

import json

import pytest

from sagewright.operations.access.positions import spans

MANY = """{
  "Version": "2012-10-17",
  "Statement": [
    {"Sid": "a]}", "Effect": "Allow",
     "Action": "s3:*"},
    {"Effect": "Deny"} ]
}"""


def cut(document: str) -> list[str]:
    """What stands at the spans."""
    lines = document.split("\n")
    begins = [0]
    for line in lines:
        begins.append(begins[-1] + len(line) + 1)
    at = [[begins[line - 1] + column - 1 for line, column in span] for span in spans(document)]
    return [document[start:end] for start, end in at]


def test_of_many() -> None:
    assert [json.loads(each) for each in cut(MANY)] == json.loads(MANY)["Statement"]
    assert spans(MANY)[0] == ((4, 5), (5, 23))


@pytest.mark.parametrize(
    "document",
    ['{"Statement":{"Effect":"Allow"}}', ' { "Id" : "x" , "Statement" : {"Effect":"Allow"} , "Version":"v"}'],
)
def test_of_one(document: str) -> None:
    assert cut(document) == ['{"Effect":"Allow"}']


def test_of_none() -> None:
    assert cut('{"Statement": []}') == cut("{}") == []
