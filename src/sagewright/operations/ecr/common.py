"""What ECR's operations share: which registry, which repository, pages."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Final, TypeVar

from sagewright.base.errors import AwsError
from sagewright.dataplane.images.values import Repository
from sagewright.operations.call import Call, Params
from sagewright.operations.ecr.refusals import invalid
from sagewright.resources.ecr import registry_of_host, repository_arn
from sagewright.resources.record import Record

T = TypeVar("T")
_PAGE: Final = 100


def check_registry(call: Call, request: Params) -> None:
    """Raises AwsError for registries of other accounts."""
    asked = request.get("registryId", call.account)
    if asked != call.account:
        raise invalid("registryId", f"there is no registry {asked} here, only {call.account}: leave it out")


def repository_of(call: Call, request: Params) -> Repository:
    """The repository that a request names. Raises AwsError for registries of other accounts."""
    check_registry(call, request)
    return Repository(call.region, request["repositoryName"])


def named(call: Call, request: Params) -> Params:
    """The members that most answers begin with."""
    return {"registryId": call.account, "repositoryName": request["repositoryName"]}


def registry_host(call: Call) -> str:
    """Where docker finds the registry: the address that the client used, unless it is AWS's own."""
    host = call.host.partition("://")[2]
    if host.rsplit(":", 1)[0].endswith((".amazonaws.com", ".amazonaws.com.cn")) or registry_of_host(host):
        return f"{call.account}.dkr.ecr.{call.region}.amazonaws.com"
    return host


def view(call: Call, record: Record) -> Params:
    """A repository as answers show it."""
    spec = record.spec
    return {
        "repositoryArn": repository_arn(record.key.region, call.account, record.name),
        "registryId": call.account,
        "repositoryName": record.name,
        "repositoryUri": f"{registry_host(call)}/{record.name}",
        "createdAt": record.created,
        **{member: spec[member] for member in _SHOWN if member in spec},
    }


_SHOWN: Final = (
    "imageTagMutability",
    "imageTagMutabilityExclusionFilters",
    "imageScanningConfiguration",
    "encryptionConfiguration",
)


def page(
    request: Params, items: Callable[[str | None], Iterable[T]], position: Callable[[T], str], *, default: int = _PAGE
) -> tuple[Sequence[T], Params]:
    """The items of the page that is asked for, and the answer's member about the next one.

    `items` gives those beyond a position, from the beginning for None. Raises AwsError for a token that no page gave.
    """
    limit = request.get("maxResults", default)
    found = [*islice(items(_position(request.get("nextToken"))), limit + 1)]
    if len(found) <= limit:
        return found, {}
    mark = base64.urlsafe_b64encode(position(found[limit - 1]).encode()).decode()
    return found[:limit], {"nextToken": mark}


def _position(token: str | None) -> str | None:
    if token is None:
        return None
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise invalid("nextToken", "it is not one that was handed out") from None


def tags_of(given: Sequence[Params]) -> dict[str, str]:
    """Tags as a mapping. Raises AwsError (InvalidTagParameterException)."""
    tags = {tag["Key"]: tag["Value"] for tag in given}
    if len(tags) < len(given):
        raise AwsError("InvalidTagParameterException", "Duplicate tag keys found. Each tag key may be given once.")
    if reserved := [key for key in tags if key.lower().startswith("aws:")]:
        raise AwsError("InvalidTagParameterException", f"Tag keys must not begin with aws: {reserved[0]}")
    return tags


MOST_TAGS: Final = 50


def too_many_tags() -> AwsError:
    return AwsError("TooManyTagsException", f"A repository may have {MOST_TAGS} tags.")


def missing(call: Call, what: str, code: str, request: Params) -> AwsError:
    """A setting that the repository does not have."""
    return AwsError(
        code,
        f"{what} does not exist for the repository with name '{request['repositoryName']}' in the registry with id "
        f"'{call.account}'",
    )
