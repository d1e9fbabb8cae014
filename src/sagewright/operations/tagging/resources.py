"""Whatever has tags: SageMaker's nouns, buckets, repositories, resource shares, and what the neighbours hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sagewright.base.errors import AwsError
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker import family
from sagewright.operations.sagemaker.nouns import NOUNS
from sagewright.operations.table import Operations
from sagewright.resources.arn import Arn
from sagewright.resources.ecr import REPOSITORY
from sagewright.resources.record import Record
from sagewright.resources.resource_share import SHARE, share_arn
from sagewright.store.base import Query

operations = Operations()
Tagged = tuple[str, Mapping[str, str]]
"""An ARN and its tags."""
_AT_ONCE: Final = 1000
_UNDONE: Final = ("IncludeComplianceDetails", "ExcludeCompliantResources")


@operations
def get_resources(call: Call, request: Params) -> Params:
    """Those with tags that fit all filters, by ARN."""
    for member in _UNDONE:
        if request.get(member):
            raise AwsError("InvalidParameterException", f"Sagewright has no tag policies: leave {member} out.")
    arns = request.get("ResourceARNList")
    found = [
        (arn, tags)
        for arn, tags in _all(call)
        if tags
        and (arns is None or arn in arns)
        and _fits_types(arn, request.get("ResourceTypeFilters") or ())
        and _fits_tags(tags, request.get("TagFilters") or ())
    ]
    page, token = _page(found, request.get("PaginationToken", ""), request.get("ResourcesPerPage") or 50)
    listed = [
        {"ResourceARN": arn, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
        for arn, tags in page
    ]
    return {"ResourceTagMappingList": listed, "PaginationToken": token}


@operations
def get_tag_keys(call: Call, request: Params) -> Params:
    keys = sorted({key for _, tags in _all(call) for key in tags})
    page, token = _page([(key, {}) for key in keys], request.get("PaginationToken", ""), _AT_ONCE)
    return {"TagKeys": [key for key, _ in page], "PaginationToken": token}


@operations
def get_tag_values(call: Call, request: Params) -> Params:
    values = sorted({tags[request["Key"]] for _, tags in _all(call) if request["Key"] in tags})
    page, token = _page([(value, {}) for value in values], request.get("PaginationToken", ""), _AT_ONCE)
    return {"TagValues": [value for value, _ in page], "PaginationToken": token}


def _all(call: Call) -> list[Tagged]:
    """Everything that has tags in this account and region, by ARN."""
    answer = call.services.neighbours.ask(
        "resourcegroupstaggingapi", "GetResources", {}, account=call.account, region=call.region
    )
    theirs = [
        (each["ResourceARN"], {tag["Key"]: tag["Value"] for tag in each["Tags"]})
        for each in answer["ResourceTagMappingList"]
    ]
    return sorted(
        [*theirs, *_nouns(call), *_buckets(call), *_repositories(call), *_shares(call)], key=lambda each: each[0]
    )


def _nouns(call: Call) -> Iterator[Tagged]:
    for kind in family.nouns():
        noun = NOUNS.load(kind)
        for record in _records(call, noun.kind):
            if record.tags:
                arn = record.facets.get("Arn") or noun.arn(call, record.name, record.key.parent)
                yield arn, record.tags


def _buckets(call: Call) -> Iterator[Tagged]:
    after: str | None = None
    while page := call.services.objects.buckets.page(after=after, limit=_AT_ONCE):
        for bucket in page:
            if bucket.region == call.region:
                yield f"arn:aws:s3:::{bucket.name}", bucket.tags
        after = page[-1].name


def _repositories(call: Call) -> Iterator[Tagged]:
    for record in _records(call, REPOSITORY):
        yield f"arn:aws:ecr:{call.region}:{call.account}:repository/{record.name}", record.tags


def _shares(call: Call) -> Iterator[Tagged]:
    for record in _records(call, SHARE):
        yield share_arn(record.key), record.tags


def _records(call: Call, kind: str) -> Iterator[Record]:
    return call.store.every(Query(call.account, call.region, kind))


def _fits_types(arn: str, filters: Sequence[str]) -> bool:
    """`sagemaker`, or `sagemaker:endpoint`."""
    try:
        parsed = Arn.parse(arn)
    except ValueError:  # Glue tags whatever it is given
        return not filters
    kind = parsed.resource.replace(":", "/").partition("/")[0]
    return not filters or any(each in (parsed.service, f"{parsed.service}:{kind}") for each in filters)


def _fits_tags(tags: Mapping[str, str], filters: Sequence[Mapping[str, Any]]) -> bool:
    return all(
        each["Key"] in tags and (not each.get("Values") or tags[each["Key"]] in each["Values"])
        for each in filters
        if "Key" in each
    )


def _page(found: Sequence[Tagged], token: str, size: int) -> tuple[Sequence[Tagged], str]:
    """A token is the name of the last one before; '' at both ends, as AWS has it."""
    rest = [each for each in found if each[0] > token]
    return rest[:size], rest[size - 1][0] if len(rest) > size else ""
