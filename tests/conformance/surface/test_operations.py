"""Every operation, driven from its model: a valid request, one for something that is not there, one made twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from sagewright.operations import unbuilt
from sagewright.testing.asker import Refused
from sagewright.testing.population import FAMILY, Population
from sagewright.wire import model

NOT_BUILT = unbuilt.unbuilt
"""As it is before a fixture here makes everything answer."""
_NOT_THERE = {"ValidationException", "ValidationError", "ResourceNotFound", "ResourceNotFoundException"}
_TAKEN = {"ValidationException", "ResourceInUse", "ConflictException", "ResourceLimitExceeded"}
_READING = ("Describe", "List", "Get", "BatchDescribe", "BatchGet", "Search", "Query", "Render")


def _operations(service: str, *prefixes: str) -> Iterator[str]:
    return (name for name in model.service(service).operation_names if name.startswith(prefixes or ("",)))


def test_one_of_everything_can_be_made(full: Population) -> None:
    unexpected = {name: why for name, why in full.left.items() if name not in full.exceptions("fill")}
    assert not unexpected, "\n".join(f"{name}: {why[:300]}" for name, why in unexpected.items())


@pytest.mark.parametrize("service", FAMILY)
@pytest.mark.parametrize("whole", [False, True], ids=["least", "whole"])
def test_a_valid_question_is_answered(full: Population, service: str, whole: bool) -> None:
    """With the least that it may say, and with every member, filter and order that the model has."""
    wrong = []
    for name in _operations(service, *_READING):
        if name in full.exceptions("read"):
            continue
        try:
            full.call(service, name, full.valid(service, name, whole=whole))
        except Refused as refused:
            wrong.append(f"{name}: {refused}"[:300])
    assert not wrong, f"{len(wrong)}:\n" + "\n".join(wrong)


@pytest.mark.parametrize("service", FAMILY)
def test_what_is_not_there_is_refused_as_not_found(empty: Population, service: str) -> None:
    wrong = []
    for name in _operations(service):
        request = empty.valid(service, name)
        if not _names_something(service, name, request) or name in empty.exceptions("missing"):
            continue
        try:
            answer = empty.call(service, name, request)
            wrong.append(f"{name}: {answer}"[:300])
        except Refused as refused:
            if refused.code not in _NOT_THERE:
                wrong.append(f"{name}: {refused}"[:300])
    assert not wrong, f"{len(wrong)}:\n" + "\n".join(wrong)


def test_making_it_again_is_refused_or_changes_nothing(full: Population) -> None:
    wrong = []
    for name in _operations("sagemaker", "Create", "Register", "Import"):
        if name in full.left or name in full.exceptions("again"):
            continue
        try:
            answer = full.call("sagemaker", name, full.valid("sagemaker", name))
            # The same client token, or the same source: the answer names what is there.
            if not set(answer.values()) <= set(full.known.values()):
                wrong.append(f"{name}: was made again")
        except Refused as refused:
            if refused.code not in _TAKEN:
                wrong.append(f"{name}: {refused}"[:300])
    assert not wrong, f"{len(wrong)}:\n" + "\n".join(wrong)


def test_whatever_has_an_arn_has_tags(full: Population) -> None:
    tags = [{"Key": "team", "Value": "a"}, {"Key": "cost", "Value": "b"}]
    wrong = []
    for member, arn in full.tagged():
        try:
            full.call("sagemaker", "AddTags", {"ResourceArn": arn, "Tags": tags})
            full.call("sagemaker", "DeleteTags", {"ResourceArn": arn, "TagKeys": ["cost"]})
            listed = full.call("sagemaker", "ListTags", {"ResourceArn": arn})["Tags"]
        except Refused as refused:
            wrong.append(f"{member} {arn}: {refused}"[:300])
            continue
        if tags[0] not in listed or tags[1] in listed:
            wrong.append(f"{member} {arn}: {listed}")
    assert not wrong, f"{len(wrong)}:\n" + "\n".join(wrong)


def test_pages_of_one_hold_what_one_long_page_holds(full: Population) -> None:
    _make_more(full)
    wrong = []
    for name in _operations("sagemaker", "List"):
        shape = model.service("sagemaker").operation_model(name).input_shape
        if shape is None or "NextToken" not in shape.members or name in full.exceptions("read"):
            continue
        request = full.valid("sagemaker", name)
        whole = _items(full.call("sagemaker", name, {**request, **_most(shape.members)}))
        token: dict[str, str] = {}
        paged: list[Any] = []
        for _ in range(len(whole) + 1):
            limit = (
                {"MaxResults": shape.members["MaxResults"].metadata.get("min", 1)}
                if "MaxResults" in shape.members
                else {}
            )
            page = full.call("sagemaker", name, {**request, **limit, **token})
            paged += _items(page)
            if "NextToken" not in page:
                break
            token = {"NextToken": page["NextToken"]}
        if paged != whole:
            wrong.append(f"{name}: {len(paged)} of {len(whole)}")
    assert not wrong, f"{len(wrong)}:\n" + "\n".join(wrong)


@pytest.mark.parametrize("service", FAMILY)
def test_what_is_not_built_says_so_at_once(plain: Population, service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unbuilt, "unbuilt", NOT_BUILT)
    refused = NOT_BUILT(service)
    assert set(refused) <= set(model.service(service).operation_names)
    for name, what in refused.items():
        with pytest.raises(Refused, match="yet") as caught:
            plain.call(service, name, plain.valid(service, name))
        assert caught.value.status == 400
        assert caught.value.code in ("ValidationException", "UnsupportedOperation")
        assert what.partition(": ")[0] in caught.value.message


def _names_something(service: str, operation: str, request: Mapping[str, Any]) -> bool:
    """Whether a request names a thing that it does not itself make."""
    if operation.startswith(("Create", "List", "Search", "Register", "Import")):
        return False
    return any(member.endswith(("Name", "Arn", "Id")) for member in request)


def _items(answer: Mapping[str, Any]) -> list[Any]:
    return next((value for value in answer.values() if isinstance(value, list)), [])


def _most(members: Mapping[str, Any]) -> Mapping[str, int]:
    return {"MaxResults": min(100, members["MaxResults"].metadata.get("max", 100))} if "MaxResults" in members else {}


def _make_more(full: Population) -> None:
    """Two more of each noun that is told apart by a name alone."""
    for name in _operations("sagemaker", "Create"):
        title = name.removeprefix("Create")
        request = full.valid("sagemaker", name)
        member = f"{title}Name"
        if name in full.left or not isinstance(request.get(member), str):
            continue
        for letter in "bc":
            try:
                full.call("sagemaker", name, {**request, member: request[member][:-1] + letter})
            except Refused:
                break
