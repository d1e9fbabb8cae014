"""The table of the neighbours: every operation in it exists and is done by somebody."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from sagewright.neighbours.table import NEIGHBOURS, Neighbour
from sagewright.wire import model

_UNDONE = """
import importlib, json, sys
from moto.core.responses import BaseResponse
from moto.core.utils import camelcase_to_underscores, method_names_from_class
from sagewright.neighbours.host import additions
from sagewright.neighbours.table import NEIGHBOURS
undone = []
for service, row in NEIGHBOURS.items():
    module = importlib.import_module(f"moto.{row.module}.responses")
    kinds = [each for each in vars(module).values() if isinstance(each, type) and issubclass(each, BaseResponse)]
    names = set().union(*(method_names_from_class(kind) for kind in kinds))
    for operation in row.operations:
        if camelcase_to_underscores(operation) not in names and additions.find(service, operation) is None:
            undone.append(f"{service} {operation}")
json.dump(undone, sys.stdout)
"""


@pytest.mark.parametrize("service", NEIGHBOURS)
def test_every_operation_is_one_of_the_service(service: str) -> None:
    assert NEIGHBOURS[service].operations <= set(model.service(service).operation_names)
    assert service in model.SERVICES


def test_every_operation_is_done_by_moto_or_added() -> None:
    done = subprocess.run([sys.executable, "-c", _UNDONE], check=True, capture_output=True, text=True)
    assert json.loads(done.stdout) == []


@pytest.mark.parametrize("row", NEIGHBOURS.values(), ids=lambda row: row.module)
def test_what_is_left_out_is_left_out_with_a_sentence(row: Neighbour) -> None:
    for sentence in (row.why, *row.reasons.values()):
        assert sentence.startswith(("Sagewright", "Secrets"))
        assert sentence.endswith(".")
    assert row.left_out(next(iter(row.operations))) is None


def test_names_tell_what_changes_something_and_exceptions_are_listed() -> None:
    kms, sqs = NEIGHBOURS["kms"], NEIGHBOURS["sqs"]
    assert kms.changes("CreateKey", {})
    assert not kms.changes("Encrypt", {"KeyId": "alias/mine"})
    assert kms.changes("Encrypt", {"KeyId": "alias/aws/s3"})
    assert not sqs.changes("GetQueueUrl", {})
    assert sqs.changes("ReceiveMessage", {})
