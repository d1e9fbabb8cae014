"""Lifecycle policies: kept here, tried out here, carried out by `controllers/ecr_repository.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sagewright.base.errors import AlreadyExists, AwsError, StaleRecord
from sagewright.dataplane.images.lifecycle import BadPolicy, Candidate, Rule, due, read
from sagewright.operations.call import Call, Params
from sagewright.operations.ecr.common import missing, named, page, repository_of
from sagewright.operations.ecr.refusals import answering, invalid
from sagewright.operations.table import Operations
from sagewright.resources.ecr import PREVIEW
from sagewright.resources.record import Record

operations = Operations()

_WHAT: Final = "Lifecycle policy"
_NOT_THERE: Final = "LifecyclePolicyNotFoundException"
_MEMBERS: Final = ("LifecyclePolicy", "LifecyclePolicyAt")


@operations
@answering
def put_lifecycle_policy(call: Call, request: Params) -> Params:
    text = request["lifecyclePolicyText"]
    _rules(text)
    settings = {"LifecyclePolicy": text, "LifecyclePolicyAt": call.now}
    call.services.images.configure(
        repository_of(call, request), lambda record: replace(record, spec={**record.spec, **settings})
    )
    return {**named(call, request), "lifecyclePolicyText": text}


def _rules(text: str) -> Sequence[Rule]:
    try:
        return read(text)
    except BadPolicy as error:
        raise invalid("LifecyclePolicyText", f"Lifecycle policy validation failure: {error}") from None


@operations
@answering
def get_lifecycle_policy(call: Call, request: Params) -> Params:
    record = call.services.images.repository(repository_of(call, request))
    return {**named(call, request), **_view(call, request, record)}


def _view(call: Call, request: Params, record: Record) -> Params:
    if "LifecyclePolicy" not in record.spec:
        raise missing(call, _WHAT, _NOT_THERE, request)
    evaluated = record.status.get("LifecycleEvaluatedAt")
    known = {} if evaluated is None else {"lastEvaluatedAt": evaluated}
    return {"lifecyclePolicyText": record.spec["LifecyclePolicy"], **known}


@operations
@answering
def delete_lifecycle_policy(call: Call, request: Params) -> Params:
    gone: list[Params] = []

    def change(record: Record) -> Record:
        gone.append(_view(call, request, record))
        return replace(record, spec={name: value for name, value in record.spec.items() if name not in _MEMBERS})

    call.services.images.configure(repository_of(call, request), change)
    return {**named(call, request), **gone[-1]}


# What a policy would do.


@operations
@answering
def start_lifecycle_policy_preview(call: Call, request: Params) -> Params:
    """Computed at once, so it is complete when somebody asks."""
    repository, images = repository_of(call, request), call.services.images
    home = images.repository(repository)
    text = request.get("lifecyclePolicyText", home.spec.get("LifecyclePolicy"))
    if text is None:
        raise missing(call, _WHAT, _NOT_THERE, request)
    rules = _rules(text)
    candidates = {each.digest: each for each in map(Candidate.of, images.all(repository))}
    results = [
        {
            "imageDigest": digest,
            "imagePushedAt": candidates[digest].pushed,
            "action": {"type": "EXPIRE"},
            "appliedRulePriority": priority,
            "storageClass": "STANDARD",
            **({"imageTags": [*candidates[digest].tags]} if candidates[digest].tags else {}),
        }
        for digest, priority in due(rules, [*candidates.values()], call.now).items()
    ]
    _keep(call, home, {"text": text, "results": results})
    return {**named(call, request), "lifecyclePolicyText": text, "status": "IN_PROGRESS"}


def _keep(call: Call, home: Record, spec: Params) -> None:
    key = home.key._replace(kind=PREVIEW)
    for _ in range(20):
        known = call.store.get(key)
        record = known or Record(key, uid=call.services.ids.uuid(), created=call.now, modified=call.now)
        changed = replace(record, spec=spec, modified=call.now)
        try:
            # With the repository, which might be deleted meanwhile.
            call.store.write([("update", home), ("create" if known is None else "update", changed)])
            return
        except (AlreadyExists, StaleRecord):
            home = call.services.images.repository(repository_of(call, {"repositoryName": home.name}))
    raise AwsError("LifecyclePolicyPreviewInProgressException", "The repository keeps changing. Try again.")


@operations
@answering
def get_lifecycle_policy_preview(call: Call, request: Params) -> Params:
    home = call.services.images.repository(repository_of(call, request))
    record = call.store.get(home.key._replace(kind=PREVIEW))
    if record is None:
        raise missing(call, "Lifecycle policy preview", "LifecyclePolicyPreviewNotFoundException", request)
    wanted = [result for result in record.spec["results"] if _asked_for(result, request)]
    numbered = [*enumerate(wanted)]
    found: Sequence[tuple[int, Params]] = numbered
    more: Params = {}
    if "imageIds" not in request:
        found, more = page(request, lambda position: numbered[_after(position) :], lambda item: str(item[0]))
    return {
        **named(call, request),
        "lifecyclePolicyText": record.spec["text"],
        "status": "COMPLETE",
        "previewResults": [result for _, result in found],
        "summary": {"expiringImageTotalCount": len(record.spec["results"])},
        **more,
    }


def _after(position: str | None) -> int:
    if position is None:
        return 0
    if not position.isascii() or not position.isdigit():
        raise invalid("nextToken", "it is not one that was handed out")
    return int(position) + 1


def _asked_for(result: Params, request: Params) -> bool:
    tags = result.get("imageTags", [])
    status = request.get("filter", {}).get("tagStatus", "ANY")
    if status != "ANY" and (status == "TAGGED") != bool(tags):
        return False
    ids = request.get("imageIds")
    return ids is None or any(
        each.get("imageDigest", result["imageDigest"]) == result["imageDigest"]
        and ("imageTag" not in each or each["imageTag"] in tags)
        for each in ids
    )
