"""Tags as conditions see them: those that a request brings, and those of what it is about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from sagewright.dataplane.objects.values import NoSuchBucket, NoSuchObject
from sagewright.operations.access.request import Request, Sources, Values
from sagewright.operations.call import Call, Params
from sagewright.operations.iam.records import GROUP, INSTANCE_PROFILE, POLICY, ROLE, USER, key
from sagewright.operations.sagemaker import nouns
from sagewright.resources.arn import Arn
from sagewright.resources.ecr import REPOSITORY
from sagewright.resources.resource_share import SHARE


def brought(params: Mapping[str, Any]) -> Mapping[str, str]:
    """Tags in a request, in any of the spellings that services have for them."""
    found = params.get("Tags") or params.get("tags") or params.get("TagSet") or params.get("TagList") or {}
    if isinstance(found, Mapping):
        return {name: value for name, value in found.items() if isinstance(value, str)}
    pairs = [{name.lower(): value for name, value in each.items()} for each in found if isinstance(each, Mapping)]
    return {
        str(pair.get("key", pair.get("tagkey"))): str(pair.get("value", pair.get("tagvalue", ""))) for pair in pairs
    }


def _keys(request: Request, _: str) -> Values:
    taken = request.params.get("TagKeys") or request.params.get("tagKeys") or ()
    names = [*brought(request.params), *taken]
    return names or None


def _one(tags: Mapping[str, str] | None, asked: str) -> Values:
    """Keys of tags are compared without case."""
    wanted = asked.partition("/")[2]
    return next(([value] for name, value in (tags or {}).items() if name.lower() == wanted), None)


def of_resource(call: Call, arn: str) -> Mapping[str, str] | None:
    """The tags of what an ARN names; None where there is no such thing, or none that can be tagged."""
    try:
        service = Arn.parse(arn).service
    except ValueError:
        return None
    read = _READERS.get(service)
    return None if read is None else read(call, arn)


def _of_sagemaker(call: Call, arn: str) -> Mapping[str, str] | None:
    record = nouns.find_by_arn(call.store, arn, call.account)
    return None if record is None else record.tags


_IAM_KINDS: Final = {
    "role": ROLE,
    "user": USER,
    "group": GROUP,
    "policy": POLICY,
    "instance-profile": INSTANCE_PROFILE,
}


def _of_iam(call: Call, arn: str) -> Mapping[str, str] | None:
    kind = _IAM_KINDS.get(Arn.parse(arn).type)
    record = None if kind is None else call.store.get(key(call.account, kind, arn.rpartition("/")[2]))
    return None if record is None else record.tags


def _of_bucket(call: Call, arn: str) -> Mapping[str, str] | None:
    name, slash, _ = Arn.parse(arn).resource.partition("/")
    try:
        return None if slash else call.services.objects.buckets.get(name).tags
    except NoSuchBucket:
        return None


def _of_repository(call: Call, arn: str) -> Mapping[str, str] | None:
    kind, _, name = Arn.parse(arn).resource.partition("/")
    record = call.store.get(call.key(REPOSITORY, name)) if kind == "repository" else None
    return None if record is None else record.tags


def _of_share(call: Call, arn: str) -> Mapping[str, str] | None:
    parsed = Arn.parse(arn)
    record = call.store.get(call.key(SHARE, parsed.id)) if parsed.type == SHARE else None
    return None if record is None else record.tags


_READERS: Final[Mapping[str, Callable[[Call, str], Mapping[str, str] | None]]] = {
    "sagemaker": _of_sagemaker,
    "iam": _of_iam,
    "s3": _of_bucket,
    "ecr": _of_repository,
    "ram": _of_share,
}


def kept_elsewhere(call: Call, params: Params) -> bool:
    """Whether to read an object's tags is to ask another endpoint, which may take its time."""
    return call.service == "s3" and call.services.objects.upstreams.of(params.get("Bucket", "")) is not None


def of_object(call: Call, params: Params) -> Mapping[str, str]:
    """The tags of the object that an S3 request names."""
    try:
        return call.services.objects.head(params["Bucket"], params["Key"]).tags
    except (KeyError, NoSuchBucket, NoSuchObject):
        return {}


def of_header(text: Any) -> Mapping[str, str]:
    """The tags of S3's `x-amz-tagging`."""
    return dict(parse_qsl(text, keep_blank_values=True)) if isinstance(text, str) else {}


def one(tags: Mapping[str, str] | None, asked: str) -> Values:
    """The value of the tag that a key ends in."""
    return _one(tags, asked)


def _resource_tag(request: Request, asked: str) -> Values:
    return _one(of_resource(request.call, request.resource), asked)


SOURCES: Final[Sources] = {
    "aws:requesttag/": lambda request, asked: _one(brought(request.params), asked),
    "aws:tagkeys": _keys,
    "aws:resourcetag/": _resource_tag,
    "sagemaker:resourcetag/": _resource_tag,
    "iam:resourcetag/": _resource_tag,
    "ecr:resourcetag/": _resource_tag,
    "ram:resourcetag/": _resource_tag,
}
