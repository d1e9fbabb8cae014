"""Ids look as others expect them to."""

from __future__ import annotations

import uuid

from sagewright.base.ids import RandomIds


def test_uuids_are_random_ones_in_their_usual_spelling() -> None:
    made = [RandomIds().uuid() for _ in range(64)]
    read = [uuid.UUID(text) for text in made]
    assert [str(each) for each in read] == made
    assert {(each.version, each.variant) for each in read} == {(4, uuid.RFC_4122)}
    assert len(set(made)) == 64
