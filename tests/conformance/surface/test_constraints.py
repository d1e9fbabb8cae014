"""Every constraint of every operation's model, broken one at a time, is refused as a client's mistake."""

from __future__ import annotations

import pytest
from botocore.model import OperationModel

from sagewright.testing import examples
from sagewright.testing.asker import Refused
from sagewright.testing.population import FAMILY, Population
from sagewright.wire import model

_CODES = {"ValidationException", "ValidationError", "SerializationException"}


@pytest.mark.parametrize("service", FAMILY)
def test_a_broken_constraint_is_refused_by_name(empty: Population, service: str) -> None:
    wrong: list[str] = []
    sent = 0
    for name in model.service(service).operation_names:
        operation = model.service(service).operation_model(name)
        for broken in examples.broken(operation, examples.whole(operation)):
            if not _can_be_said(operation, broken):
                continue
            fault = _fault(empty, service, name, broken)
            sent += fault is not None
            if fault:
                wrong.append(f"{name} {'.'.join(map(str, broken.path))} {broken.constraint}: {fault}")
    assert not wrong, f"{len(wrong)} of {sent}, the first of them:\n" + "\n".join(wrong[:20])
    assert sent


def _can_be_said(operation: OperationModel, broken: examples.Broken) -> bool:
    """Nothing is the same as no value in a query, a header or a payload, and another path in a path; a query has no
    types but text; and botocore takes a text for the list of its letters."""
    shape = operation.input_shape
    assert shape is not None
    member = str(broken.path[0])
    place = shape.members[member].serialization.get("location")
    if member == shape.serialization.get("payload"):
        return broken.constraint != "required"
    if broken.constraint == "type" and operation.service_model.service_name != "sagemaker":
        lists = examples.member_shape(operation, broken.path).type_name in ("list", "map", "timestamp")
        return not lists and place != "querystring"
    return place is None or broken.constraint != "min"


def _fault(population: Population, service: str, operation: str, broken: examples.Broken) -> str | None:
    """What is wrong with the answer, '' for nothing; None for what cannot be sent in this protocol."""
    try:
        population.call(service, operation, broken.request)
    except Refused as refused:
        if refused.status != 400 or refused.code not in _CODES:
            return str(refused)[:300]
        leaf = str(broken.path[-1])
        named = broken.constraint == "type" or leaf.isdigit() or leaf.lower() in refused.message.lower()
        return "" if named else f"does not name {leaf}: {refused.message[:300]}"
    except Exception:  # noqa: BLE001  botocore cannot write it down, so no client can send it
        return None
    return "was accepted"
