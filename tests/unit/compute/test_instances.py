"""The table of instance types against botocore's enums, and the fit to a machine."""

from __future__ import annotations

import botocore.session
import pytest

from sagewright.compute.base import Resources
from sagewright.compute.instances import GIB, Instance, find, fit
from sagewright.compute.machine import Machine

LAPTOP = Machine(vcpus=4, memory_bytes=8 * GIB)


def types() -> list[str]:
    model = botocore.session.Session().get_service_model("sagemaker")
    shapes = (model.shape_for(name) for name in model.shape_names if name.endswith("InstanceType"))
    return sorted({each for shape in shapes for each in getattr(shape, "enum", ()) if each.startswith("ml.")})


def test_every_type_that_a_request_may_name_has_a_row() -> None:
    assert len(types()) > 400
    assert [name for name in types() if find(name) is None] == []


def test_rows_are_sane() -> None:
    for name in types():
        row = find(name)
        assert row is not None
        assert row.vcpus >= 1
        assert row.memory_gib > 0
        assert 0 < row.usd_per_hour < 250


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ml.m5.xlarge", (4, 16, 0)),
        ("ml.c5n.large", (2, 5.25, 0)),
        ("ml.m6g.medium", (1, 4, 0)),
        ("ml.t3.medium", (2, 4, 0)),
        ("ml.p3.8xlarge", (32, 244, 4)),
        ("ml.g5.12xlarge", (48, 192, 4)),
    ],
)
def test_known_rows(name: str, expected: tuple[int, float, int]) -> None:
    row = find(name)
    assert isinstance(row, Instance)
    assert (row.vcpus, row.memory_gib, row.gpus) == expected


@pytest.mark.parametrize("name", ["", "ml.", "m5.xlarge", "ml.m5", "ml.m5.huge", "ml.nope.xlarge", "local"])
def test_what_is_no_type_has_no_row(name: str) -> None:
    assert find(name) is None


def test_what_fits_is_given_without_a_word() -> None:
    assert fit("ml.c5.large", LAPTOP) == (fit("ml.c5.large", Machine(2, 4 * GIB)))
    assert fit("ml.c5.large", LAPTOP).resources == Resources(2, 4 * GIB, 0, 4096)
    assert fit("ml.c5.large", LAPTOP).note is None


def test_what_does_not_fit_is_cut_down_and_said() -> None:
    fitted = fit("ml.p3.2xlarge", LAPTOP)
    assert fitted.resources == Resources(4, 8 * GIB, 0, 4096)
    assert fitted.note == (
        "ml.p3.2xlarge has 8 vCPUs, 61 GiB of memory and 1 GPU; "
        "this machine gives the task 4 vCPUs, 8 GiB of memory and no GPU."
    )


def test_only_what_is_too_large_is_cut() -> None:
    fitted = fit("ml.r5.large", LAPTOP)
    assert fitted.resources == Resources(2, 8 * GIB, 0, 4096)
    assert fitted.note is not None
    assert "gives the task 2 vCPUs and 8 GiB" in fitted.note


def test_a_type_from_the_future_gets_the_machine() -> None:
    fitted = fit("ml.z99.xlarge", LAPTOP)
    assert fitted.resources == Resources(4, 8 * GIB, 0, 4096)
    assert fitted.note is not None
    assert "ml.z99.xlarge is not known" in fitted.note


def test_this_machine_has_something_to_give() -> None:
    here = Machine.here()
    assert here.vcpus >= 1
    assert here.memory_bytes > 0
