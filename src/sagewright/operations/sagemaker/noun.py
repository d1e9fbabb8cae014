"""What all nouns of SageMaker do alike, done once: describe, list, the not-found and already-exists answers, tags.

A record's spec is the decoded request and its status is what happened; `describe` is their projection through the
operation's output shape, `list` the same through the summary shape, with the filters, sorting and paging that the
model offers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.model import ListShape, StructureShape

from sagewright.base.errors import AlreadyExists, AwsError, validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.table import Operations, brief
from sagewright.resources.arn import sagemaker_arn
from sagewright.resources.record import Record
from sagewright.store.base import Query, SortBy
from sagewright.wire import model

Refusal = Callable[[str, str], AwsError]
"""From a name and an ARN to an error."""

_SORT: Mapping[str, SortBy] = {
    "Name": "name",
    "CreationTime": "created",
    "LastModifiedTime": "modified",
    "Status": "state",
}


@dataclass(frozen=True, slots=True)
class Noun:
    """The declaration of one noun."""

    title: str
    """As operations spell it: `TrainingJob` in CreateTrainingJob."""
    kind: str
    """The resource type in its ARN, and the kind of its records."""
    missing: Refusal
    exists: Refusal
    descending: bool = True
    """The order that a listing has when none is asked for."""

    @property
    def name_member(self) -> str:
        return f"{self.title}Name"

    @property
    def arn_member(self) -> str:
        return f"{self.title}Arn"

    @property
    def state_member(self) -> str:
        return f"{self.title}Status"

    def arn(self, call: Call, name: str) -> str:
        return sagemaker_arn(call.region, call.account, self.kind, name)

    def find(self, call: Call, name: str) -> Record:
        """The record of that name. Raises this noun's not-found error."""
        record = call.store.get(call.key(self.kind, name))
        if record is None:
            raise self.missing(name, self.arn(call, name))
        return record

    def create(
        self, call: Call, request: Params, *, state: str = "", status: Mapping[str, Any] | None = None
    ) -> Record:
        """Write down a new one; `Tags` go where tags are. Raises this noun's already-exists error."""
        spec = {member: value for member, value in request.items() if member != "Tags"}
        name = request[self.name_member]
        record = Record(
            key=call.key(self.kind, name),
            uid=call.services.ids.token(),
            created=call.now,
            modified=call.now,
            spec=spec,
            status={self.arn_member: self.arn(call, name), **(status or {})},
            state=state,
            tags=tags_of(request),
        )
        try:
            return call.store.create(record)
        except AlreadyExists:
            raise self.exists(name, self.arn(call, name)) from None

    def view(self, record: Record) -> Params:
        """All members that any output shape of this noun may ask for."""
        return {
            **record.spec,
            **record.status,
            self.name_member: record.name,
            self.state_member: record.state,
            "CreationTime": record.created,
            "LastModifiedTime": record.modified,
        }

    def describe(self, call: Call, request: Params) -> Params:
        return project(self.view(self.find(call, request[self.name_member])), _output(call))

    def list(self, call: Call, request: Params) -> Params:
        """The page of summaries that the request asks for."""
        sort_by = _SORT.get(request.get("SortBy", "CreationTime"), "created")
        order = request.get("SortOrder")
        status = request.get("StatusEquals")
        query = Query(
            account=call.account,
            region=call.region,
            kind=self.kind,
            name_contains=request.get("NameContains"),
            states=None if status is None else (status,),
            created_after=request.get("CreationTimeAfter"),
            created_before=request.get("CreationTimeBefore"),
            modified_after=request.get("LastModifiedTimeAfter"),
            modified_before=request.get("LastModifiedTimeBefore"),
            sort_by=sort_by,
            descending=self.descending if order is None else order == "Descending",
        )
        try:
            page = call.store.list(query, limit=request.get("MaxResults", 10), after=request.get("NextToken"))
        except ValueError as error:
            raise validation_error(f"Invalid NextToken: {error}") from None
        member, summary = _summaries(_output(call))
        result: Params = {member: [project(self.view(record), summary) for record in page.records]}
        if page.next is not None:
            result["NextToken"] = page.next
        return result

    def operations(self) -> Operations:
        """A table with what needs no code of its own; the noun's file adds the rest."""
        operations = Operations()
        operations.add(f"describe_{snake(self.title)}", brief(self.describe))
        operations.add(f"list_{snake(self.title)}s", self.list)
        return operations


def project(view: Mapping[str, Any], shape: StructureShape) -> Params:
    """The members of `view` that `shape` has, without those that are not known (never an empty stand-in)."""
    return {member: view[member] for member in shape.members if view.get(member) not in (None, "")} | {
        member: "" for member in shape.required_members if view.get(member) == ""
    }


def tags_of(request: Params) -> dict[str, str]:
    """Tags as a mapping, in the order given. Raises a ValidationException when a key is given twice."""
    tags: dict[str, str] = {}
    for tag in request.get("Tags", ()):
        if tag["Key"] in tags:
            raise validation_error(f"Duplicate tag keys found. Each tag key may be given once: {tag['Key']!r}.")
        tags[tag["Key"]] = tag["Value"]
    return tags


def could_not_find(what: str) -> Refusal:
    """What models, endpoints and their configurations say; clients match on these words."""
    return lambda _name, arn: validation_error(f'Could not find {what} "{arn}".')


def already_existing(what: str) -> Refusal:
    return lambda _name, arn: validation_error(f'Cannot create already existing {what} "{arn}".')


def snake(title: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in title).lstrip("_")


def _output(call: Call) -> StructureShape:
    shape = model.service(call.service).operation_model(call.operation).output_shape
    assert shape is not None
    return shape


def _summaries(output: StructureShape) -> tuple[str, StructureShape]:
    for member, shape in output.members.items():
        if isinstance(shape, ListShape) and isinstance(shape.member, StructureShape):
            return member, shape.member
    raise TypeError(f"{output.name} lists nothing")
