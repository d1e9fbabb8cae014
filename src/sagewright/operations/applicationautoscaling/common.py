"""What a request names, where its records are, pages, AWS's words for what is missing."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import orjson

from sagewright.base.errors import AwsError, validation_error
from sagewright.operations.call import Call, Params
from sagewright.resources.arn import Arn
from sagewright.resources.record import Key, Record
from sagewright.resources.scaling import DIMENSIONS, IDENTITY, TARGET, Dimension, belongings
from sagewright.store.base import Query

_PAGE: Final = 50


def check_identity(request: Params) -> Dimension:
    """The dimension that a request names. Raises AwsError unless namespace, dimension and resource id fit."""
    namespace, resource, name = (request[member] for member in IDENTITY)
    if not name.startswith(f"{namespace}:"):
        raise validation_error(f"Unsupported service namespace, resource type or scalable dimension: {name}.")
    dimension = DIMENSIONS.get(name)
    if dimension is None:
        raise validation_error(f"Sagewright has nothing of {namespace} that could be scaled, only of sagemaker.")
    if dimension.resource.fullmatch(resource) is None:
        shape = "endpoint/NAME/variant/NAME" if len(dimension.metric_dimensions) > 1 else "inference-component/NAME"
        raise validation_error(f"Unsupported resource ID {resource} for {name}. Write {shape}.")
    return dimension


def metric_dimensions(request: Params) -> Mapping[str, str]:
    """The dimensions of the metrics of the resource that a request names."""
    dimension = check_identity(request)
    found = dimension.resource.fullmatch(request["ResourceId"])
    assert found is not None
    return dict(zip(dimension.metric_dimensions, found.groups(), strict=True))


def target_key(call: Call, request: Params) -> Key:
    return call.key(TARGET, request["ScalableDimension"], request["ResourceId"])


def key_of(call: Call, kind: str, request: Params, name: str) -> Key:
    """The key of a policy or a scheduled action."""
    return call.key(kind, name, belongings(target_key(call, request)))


def target_of(call: Call, request: Params) -> Record:
    """Raises AwsError (ObjectNotFoundException)."""
    check_identity(request)
    record = call.store.get(target_key(call, request))
    if record is None:
        raise missing("scalable target registered", request)
    return record


def missing(what: str, request: Params) -> AwsError:
    namespace, resource, dimension = (request[member] for member in IDENTITY)
    return AwsError(
        "ObjectNotFoundException",
        f"No {what} for service namespace: {namespace}, resource ID: {resource}, scalable dimension: {dimension}",
    )


def scaling_arn(call: Call, request: Params, kind: str, name_kind: str, name: str) -> str:
    """The ARN of a policy or a scheduled action: of the service `autoscaling`, with an id of its own."""
    resource = f"{kind}:{call.services.ids.uuid()}:resource/{request['ServiceNamespace']}/{request['ResourceId']}"
    return str(Arn("aws", "autoscaling", call.region, call.account, f"{resource}:{name_kind}/{name}"))


def listed(call: Call, kind: str, request: Params, names: Sequence[str] | None = None) -> tuple[list[Record], Params]:
    """The records of the page that a Describe… request asks for, and the answer's member about the next one."""
    if request["ServiceNamespace"] != "sagemaker":
        return [], {}
    mark = _read(request["NextToken"]) if "NextToken" in request else None
    limit = min(max(request.get("MaxResults", _PAGE), 1), _PAGE)
    found = [
        record
        for parent in _parents(kind, request)
        for record in _every(call, kind, parent)
        if (names is None or record.name in names)
        and all(record.spec[member] == request[member] for member in IDENTITY if member in request)
        and (mark is None or [record.key.parent, record.name] > mark)
    ]
    found.sort(key=lambda record: (record.key.parent, record.name))
    shown = found[:limit]
    if len(found) <= limit:
        return shown, {}
    last = shown[-1].key
    return shown, {"NextToken": base64.urlsafe_b64encode(orjson.dumps([last.parent, last.name])).decode()}


def _read(token: str) -> list[str]:
    try:
        mark = orjson.loads(base64.urlsafe_b64decode(token.encode()))
    except ValueError:
        mark = None
    if not isinstance(mark, list) or len(mark) != 2 or not all(isinstance(part, str) for part in mark):
        raise AwsError("InvalidNextTokenException", "The next token is not one that was handed out.")
    return mark


def _parents(kind: str, request: Params) -> Sequence[str | None]:
    """Whose records come into question; None is everybody."""
    named = {*request.get("ResourceIds", ()), *([request["ResourceId"]] if "ResourceId" in request else ())}
    if not named:
        return (None,)
    targets = [Key("", "", TARGET, resource, dimension) for resource in named for dimension in DIMENSIONS]
    return [*named] if kind == TARGET else [belongings(target) for target in targets]


def _every(call: Call, kind: str, parent: str | None) -> Iterator[Record]:
    return call.store.every(Query(call.account, call.region, kind, parent=parent))
