"""What all nouns of SageMaker do alike, done once: create, find, describe, change, remove; `listing.py` has the lists.

A record's spec is the decoded request and its status is what happened; `describe` is their projection through the
operation's output shape, `list` the same through the summary shape, with the filters, sorting and paging that the
model offers.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypedDict, Unpack

from botocore import xform_name

from sagewright.base.errors import AlreadyExists, AwsError, StaleRecord, validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker import listing
from sagewright.operations.sagemaker.listing import Filter, at, output_of, project
from sagewright.operations.table import Handler, Operations, brief
from sagewright.resources.arn import Arn, sagemaker_arn
from sagewright.resources.record import Key, Record
from sagewright.store.base import Query, Store, Write, attempts
from sagewright.wire import model

Refusal = Callable[[str, str], AwsError]
"""From a name and an ARN to an error."""


class _How(TypedDict, total=False):
    """What `Noun.create` and `Noun.new` may be told about a record beyond its request."""

    name: str | None
    parent: str | None
    arn: str | None
    state: str
    status: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Noun:
    """The declaration of one noun. What it does not say is as it is with most nouns.

    A noun that stands under another (`parents`) has the ARN `kind/parent/name`, and its records the same key. Members
    that name a thing may hold its ARN instead, wherever the operation takes one.
    """

    title: str
    """As operations spell it: `TrainingJob` in CreateTrainingJob."""
    kind: str
    """The resource type in its ARN, and the kind of its records."""
    missing: Refusal
    exists: Refusal
    descending: bool = True
    """The order that a listing has when none is asked for."""
    plural: str = ""
    """As List… spells it; the title and an s."""
    name_member: str = ""
    """The member that names one; the title and Name."""
    parents: Sequence[str] = ()
    """The members that name what it stands under: `("DomainId",)`."""
    ignores_case: bool = False
    """Whether names that differ in capitals only are the same. Records are then kept under the lower-case name, and
    their specs have the spelling of who made them."""
    arn_member: str = ""
    state_member: str = ""
    created_member: str = "CreationTime"
    modified_member: str = "LastModifiedTime"
    facets: Mapping[str, str] = field(default_factory=dict)
    """Indexed values for `filters`, as paths into the view: `{"EndpointName": "EndpointInput.EndpointName"}`. All
    records of a noun have all of its facets, '' where there is nothing. A noun whose ARN is not made of its name has
    the facet `Arn`."""
    filters: Mapping[str, Filter] = field(default_factory=dict)
    """What List…'s own filters mean, by member: the name of a facet, or a test of (view, wanted)."""
    sorts: Mapping[str, str] = field(default_factory=dict)
    """What List…'s own orders sort by: paths into the view, by value of SortBy."""
    also: Callable[[Record], Params] | None = None
    """Members of the view that are computed from a record."""

    def __post_init__(self) -> None:
        for member, usual in (
            ("plural", f"{self.title}s"),
            ("name_member", f"{self.title}Name"),
            ("arn_member", f"{self.title}Arn"),
            ("state_member", f"{self.title}Status"),
        ):
            if not getattr(self, member):
                object.__setattr__(self, member, usual)

    # Where one is.

    def arn(self, call: Call, name: str, parent: str = "") -> str:
        return sagemaker_arn(call.region, call.account, self.kind, f"{parent}/{name}" if parent else name)

    def key(self, call: Call, name: str, parent: str = "") -> Key:
        """The key behind a name or an ARN. An ARN of somebody else leads nowhere."""
        if name.startswith("arn:"):
            record = self.by_arn(call.store, name, call.account)
            return record.key if record is not None else call.key(self.kind, name)
        return call.key(self.kind, self._kept(name), parent)

    def parent_of(self, request: Params) -> str:
        return "/".join(request[member] for member in self.parents)

    def by_arn(self, store: Store, text: str, account: str) -> Record | None:
        """The record of an ARN; None for any other ARN, and for what is none."""
        try:
            arn = Arn.parse(text)
        except ValueError:
            return None
        if (arn.service, arn.account) != ("sagemaker", account):
            return None
        if "Arn" in self.facets:  # its ARN is made of something else than its kind and name
            found = store.list(Query(account, arn.region, self.kind, facets={"Arn": text}), limit=1).records
            return found[0] if found else None
        if arn.type != self.kind:
            return None
        *parents, name = arn.id.split("/", len(self.parents))
        return _of_any_case(store, Key(account, arn.region, self.kind, "/".join(parents), name))

    def find(self, call: Call, name: str, parent: str = "") -> Record:
        """The record of that name or ARN. Raises this noun's not-found error."""
        record = call.store.get(self.key(call, name, parent))
        if record is None:
            raise self._missing(call, name, parent)
        return record

    def named(self, call: Call, request: Params) -> Record:
        """The record that a request names. Raises this noun's not-found error."""
        return self.find(call, request[self.name_member], self.parent_of(request))

    # Its life.

    def new(
        self,
        call: Call,
        request: Params,
        *,
        name: str | None = None,
        parent: str | None = None,
        arn: str | None = None,
        state: str = "",
        status: Mapping[str, Any] | None = None,
    ) -> Record:
        """A record that is not written down yet, for those who write it together with others (`together`)."""
        name = request[self.name_member] if name is None else name
        parent = self.parent_of(request) if parent is None else parent
        made = {self.arn_member: arn or self.arn(call, name, parent), **(status or {})}
        if "CreatedBy" in self._described():
            made["CreatedBy"] = who(call)
        record = Record(
            key=call.key(self.kind, self._kept(name), parent),
            uid=call.services.ids.token(),
            created=call.now,
            modified=call.now,
            spec={member: value for member, value in request.items() if member != "Tags"},
            status=made,
            state=state,
            tags=tags_of(request),
        )
        return self.faceted(record)

    def create(
        self,
        call: Call,
        request: Params,
        *,
        under: Callable[[], Record] | None = None,
        beside: Callable[[Record], Sequence[Write]] = lambda _record: (),
        **how: Unpack[_How],
    ) -> Record:
        """Write down a new one; `Tags` go where tags are.

        `under` finds the record that it stands under, or raises. That one is written along, so that neither goes
        unnoticed by the other: whoever removes it at the same moment looks again, and so does this. `beside` says what
        else is written in the same commit; it may raise, and is asked again when somebody wrote meanwhile.
        A request that repeats an earlier one's client token gets the record which that one made.
        Raises this noun's already-exists error.
        """
        record = self.new(call, request, **how)

        def all_of_it() -> Sequence[Write]:
            above: Sequence[Write] = () if under is None else (("update", under()),)
            return (("create", record), *above, *beside(record))

        for _ in attempts():
            try:
                return together(call.store, all_of_it)[0]
            except AlreadyExists:
                earlier = call.store.get(record.key)
                if earlier is None:  # it was what is written beside it that somebody made meanwhile
                    continue
                if self._repeats(call, request, earlier):
                    return earlier
                raise self.exists(record.name, record.status[self.arn_member]) from None
        raise AwsError("ConflictException", f"What belongs to {self.title} {record.name!r} kept changing. Try again.")

    def amend(
        self,
        call: Call,
        name: str,
        change: Callable[[Record], Record | None],
        parent: str = "",
        *,
        beside: Callable[[Record], Sequence[Write]] = lambda _record: (),
    ) -> Record:
        """Read, change, write, as often as it takes; `change` returns None to leave all as it is.

        Notes when and by whom. `beside` says what else is written in the same commit; it may raise. Raises this noun's
        not-found error.
        """
        key = self.key(call, name, parent)
        for _ in attempts():
            record = call.store.get(key)
            if record is None:
                raise self._missing(call, name, parent)
            changed = change(record)
            if changed is None:
                return record
            changed = self.touched(call, changed)
            try:
                return call.store.write([("update", changed), *beside(changed)])[0]
            except StaleRecord:
                continue
        raise StaleRecord(f"{self.title} {name!r} kept changing while it was being written")

    def touched(self, call: Call, record: Record) -> Record:
        """The record as one that was changed now, by who asks."""
        if "LastModifiedBy" in self._described():
            record = replace(record, status={**record.status, "LastModifiedBy": who(call)})
        return self.faceted(replace(record, modified=call.now))

    def merge(self, call: Call, request: Params, *members: str) -> Record:
        """Put the given members of an Update… request over the spec: those named, or all but what names the record."""
        fixed = {self.name_member, *self.parents}
        given = {m: value for m, value in request.items() if (m in members if members else m not in fixed)}
        name, parent = request[self.name_member], self.parent_of(request)
        return self.amend(call, name, lambda record: replace(record, spec={**record.spec, **given}), parent)

    def remove(self, call: Call, record: Record, check: Callable[[Record], None] | None = None) -> None:
        """Delete a record. `check` raises if something still needs it; it is asked again when somebody wrote meanwhile.

        Raises this noun's not-found error when another request was faster.
        """
        for _ in attempts():
            if check is not None:
                check(record)
            try:
                call.store.delete(record)
                return
            except StaleRecord:
                newest = call.store.get(record.key)
                if newest is None or newest.uid != record.uid:
                    raise self._missing(call, record.name, record.key.parent) from None
                record = newest
        raise AwsError("ConflictException", f"{self.title} {record.name!r} kept changing. Try again.")

    # What is seen of it.

    def view(self, record: Record) -> Params:
        """All members that any output shape of this noun may ask for."""
        return {
            self.name_member: record.name,
            **record.spec,
            **record.status,
            self.state_member: record.state,
            self.created_member: record.created,
            self.modified_member: record.modified,
            **(self.also(record) if self.also is not None else {}),
        }

    def faceted(self, record: Record) -> Record:
        """The record with its facets as its spec and status now have them."""
        if not self.facets:
            return record
        view = self.view(record)
        return replace(record, facets={name: _text(at(view, path)) for name, path in self.facets.items()})

    def describe(self, call: Call, request: Params) -> Params:
        return project(self.view(self.named(call, request)), output_of(call))

    def list(self, call: Call, request: Params) -> Params:
        """The page of summaries that the request asks for."""
        return listing.page(call, request, self)

    def delete(self, call: Call, request: Params) -> Params:
        """Remove what nothing else needs."""
        record = self.named(call, request)
        self.remove(call, record)
        return self.answer(call, record)

    def answer(self, call: Call, record: Record) -> Params:
        """The operation's output members that the record has: the ARN, mostly."""
        shape = model.service(call.service).operation_model(call.operation).output_shape
        return {} if shape is None else project(self.view(record), shape)

    def operations(self, *, delete: bool = False, but: Collection[str] = ()) -> Operations:
        """A table with what needs no code of its own; the noun's file adds the rest, and answers what is in `but`."""
        known = model.service("sagemaker").operation_names
        answers: Mapping[str, Handler] = {
            f"Describe{self.title}": brief(self.describe),
            f"List{self.plural}": self.list,
            **({f"Delete{self.title}": self.delete} if delete else {}),
        }
        operations = Operations()
        for operation, answer in answers.items():
            if operation in known and xform_name(operation) not in but:
                operations.add(xform_name(operation), answer)
        return operations

    def _kept(self, name: str) -> str:
        return name.lower() if self.ignores_case else name

    def _missing(self, call: Call, name: str, parent: str) -> AwsError:
        return self.missing(name, name if name.startswith("arn:") else self.arn(call, name, parent))

    def _described(self) -> Mapping[str, Any]:
        return _members(f"Describe{self.title}")

    def _repeats(self, call: Call, request: Params, earlier: Record) -> bool:
        shape = model.service(call.service).operation_model(call.operation).input_shape
        tokens = [m for m, s in shape.members.items() if s.metadata.get("idempotencyToken")] if shape else []
        return any(token in request and request[token] == earlier.spec.get(token) for token in tokens)


def together(store: Store, decide: Callable[[], Sequence[Write]]) -> Sequence[Record]:
    """All the writes that `decide` wants or none of them; it is asked again when somebody wrote in between.

    Raises AlreadyExists when what it creates is there.
    """
    for _ in attempts():
        try:
            return store.write(decide())
        except StaleRecord:
            continue
    raise AwsError("ConflictException", "What this belongs to kept changing. Try again.")


def refuse_while(call: Call, refusal: AwsError, noun: Noun | str, **of: Any) -> None:
    """Raise `refusal` while there is a record of `noun` in this region that matches the query `of` (`parent=…`).

    A kind stands for its noun where importing that would lead round in a circle.
    """
    kind = noun if isinstance(noun, str) else noun.kind
    if call.store.list(Query(call.account, call.region, kind, **of), limit=1).records:
        raise refusal


def tags_of(request: Params) -> dict[str, str]:
    """Tags as a mapping, in the order given. Raises a ValidationException when a key is given twice."""
    tags: dict[str, str] = {}
    for tag in request.get("Tags", ()):
        if tag["Key"] in tags:
            raise validation_error(f"Duplicate tag keys found. Each tag key may be given once: {tag['Key']!r}.")
        tags[tag["Key"]] = tag["Value"]
    return tags


# How nouns say that something is not there, or there already. Clients match on these words, which differ by noun.


def could_not_find(what: str) -> Refusal:
    """What models, endpoints and their configurations say."""
    return lambda _name, arn: validation_error(f'Could not find {what} "{arn}".')


def record_not_found() -> Refusal:
    """What notebook instances, spaces and apps say."""
    return lambda _name, _arn: validation_error("RecordNotFound")


def resource_not_found(what: str) -> Refusal:
    """What most nouns say: `ResourceNotFound: Domain [d-1] does not exist.`"""
    return lambda name, _arn: AwsError("ResourceNotFound", f"{what} [{name}] does not exist.")


def already_existing(what: str) -> Refusal:
    return lambda _name, arn: validation_error(f'Cannot create already existing {what} "{arn}".')


def resource_in_use(what: str) -> Refusal:
    return lambda name, arn: AwsError("ResourceInUse", f"{what} {name} already exists ({arn}). Choose another name.")


def already_exists(what: str) -> Refusal:
    """What pipelines, experiments and packages say."""
    return lambda name, arn: validation_error(f"{what} {name} already exists ({arn}). Choose another name.")


def who(call: Call) -> Params:
    """A user context: who signed."""
    return {"IamIdentity": {"Arn": call.principal.arn, "PrincipalId": call.principal.user_id}}


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _of_any_case(store: Store, key: Key) -> Record | None:
    """The record of a key whose name may have lost its capitals, as names in ARNs do."""
    record = store.get(key)
    if record is not None:
        return record
    query = Query(key.account, key.region, key.kind, name_ignoring_case=key.name)
    wanted = (key.parent.lower(), key.name.lower())
    return next(
        (found for found in store.every(query) if (found.key.parent.lower(), found.name.lower()) == wanted), None
    )


_known: dict[str, Mapping[str, Any]] = {}


def _members(operation: str) -> Mapping[str, Any]:
    """The members of an operation's output; none where there is no such operation."""
    if operation not in _known:
        service = model.service("sagemaker")
        shape = service.operation_model(operation).output_shape if operation in service.operation_names else None
        _known[operation] = {} if shape is None else shape.members
    return _known[operation]
