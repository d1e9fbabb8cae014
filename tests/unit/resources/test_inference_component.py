"""What changes of an inference component when it is resized."""

from __future__ import annotations

from typing import Any

import pytest

from sagewright.base.errors import InvalidTransition
from sagewright.resources.inference_component import KIND, resized
from sagewright.resources.record import Key, Record


def component(state: str, **status: Any) -> Record:
    spec = {"RuntimeConfig": {"CopyCount": 1}, "generation": 2, "model": "new", "update": 5}
    return Record(Key("1", "r", KIND, "", "c"), "u", 0, 0, spec=spec, status=status, state=state)


@pytest.mark.parametrize("copies", [0, 3])
def test_a_component_in_service_may_have_any_number_of_copies(copies: int) -> None:
    after = resized(component("InService"), copies)
    assert (after.state, after.spec["RuntimeConfig"]) == ("Updating", {"CopyCount": copies})


@pytest.mark.parametrize("state", ["Creating", "Updating", "Deleting"])
def test_a_component_that_changes_is_not_resized(state: str) -> None:
    with pytest.raises(InvalidTransition):
        resized(component(state), 2)


def test_an_update_that_waits_for_room_may_be_changed() -> None:
    assert resized(component("Updating", short=1), 1).state == "Updating"


def test_what_was_rolled_back_stays_so() -> None:
    current = {"generation": 1, "model": "old"}
    after = resized(component("InService", current=current, abandoned=5), 2)
    assert (after.spec["generation"], after.spec["model"], after.spec["update"]) == (1, "old", 6)
