"""Entities: the three nouns that policies are given to. What is said here once holds for users, groups and roles."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from sagewright.base.errors import AwsError
from sagewright.operations.call import Call, Params
from sagewright.operations.iam import records
from sagewright.operations.iam.records import key, no_such_entity
from sagewright.resources.arn import Arn
from sagewright.resources.record import Record

SERVICE_PATH: Final = "/aws-service-role/"
"""Where the roles are that services made for themselves."""


@dataclass(frozen=True, slots=True)
class Entity:
    """One of the nouns."""

    noun: str
    kind: str
    id_prefix: str

    @property
    def title(self) -> str:
        """As the model's members begin: `User`."""
        return self.noun.capitalize()

    def name(self, request: Params) -> str:
        """The name in a request."""
        name: str = request[f"{self.title}Name"]
        return name

    def new(self, call: Call, request: Params, **more: object) -> Record:
        """A record for a Create… request; `more` goes into its spec."""
        name, path, now = self.name(request), request.get("Path", "/"), float(int(call.now))  # IAM counts whole seconds
        spec = {member: value for member, value in request.items() if member != "Tags"}
        return Record(
            key(call.account, self.kind, name),
            uid=call.services.ids.uuid(),
            created=now,
            modified=now,
            spec={"Path": path, "Attached": [], "Inline": {}, **more, **spec},
            status={
                "Arn": str(Arn("aws", "iam", "", call.account, f"{self.noun}{path}{name}")),
                f"{self.title}Id": records.unique_id(self.id_prefix),
            },
            tags=records.tags_of(request),
        )

    def find(self, call: Call, name: str) -> Record:
        """Raises AwsError (NoSuchEntity)."""
        record = call.store.get(key(call.account, self.kind, name))
        if record is None:
            raise self.missing(name)
        return record

    def missing(self, name: str) -> AwsError:
        return no_such_entity(f"The {self.noun} with name {name} cannot be found.")

    def change(self, call: Call, name: str, change: Callable[[Record], Record | None]) -> Record:
        """Change a record that is there; `change` answers None to leave it. Raises AwsError (NoSuchEntity)."""

        def dated(known: Record) -> Record | None:
            changed = change(modifiable(known))
            return None if changed is None else replace(changed, modified=call.now)

        record = call.store.amend(key(call.account, self.kind, name), dated)
        if record is None:
            raise self.missing(name)
        return record


USER: Final = Entity("user", records.USER, "AIDA")
GROUP: Final = Entity("group", records.GROUP, "AGPA")
ROLE: Final = Entity("role", records.ROLE, "AROA")
ALL: Final = (USER, GROUP, ROLE)


def modifiable(record: Record) -> Record:
    """The record. Raises AwsError (UnmodifiableEntity) for a role that belongs to a service."""
    if record.key.kind == records.ROLE and record.spec["Path"].startswith(SERVICE_PATH):
        raise AwsError(
            "UnmodifiableEntity",
            f"Cannot perform the operation on the protected role '{record.name}' - this role is only modifiable by AWS",
        )
    return record


def profiles_with(call: Call, role: str) -> Iterator[Record]:
    """The instance profiles that hold a role."""
    every = records.all_of(call.store, call.account, records.INSTANCE_PROFILE)
    return (profile for profile in every if role in profile.spec["Roles"])


def caller_or_named(call: Call, request: Params) -> str:
    """The user a request is about: the one it names, else the caller. Raises AwsError (ValidationError)."""
    if "UserName" in request:
        name: str = request["UserName"]
        return name
    if call.principal.kind != "user":
        raise AwsError("ValidationError", "Must specify userName when calling with non-User credentials")
    return call.principal.arn.rpartition("/")[2]


def boundary_view(record: Record) -> Params:
    """`PermissionsBoundary`, where there is one."""
    if "PermissionsBoundary" not in record.spec:
        return {}
    # Not the enum value of the model: this is what AWS sends.
    arn = record.spec["PermissionsBoundary"]
    return {"PermissionsBoundary": {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn}}


def tags_view(record: Record) -> Params:
    """`Tags`, where there are some."""
    return {"Tags": records.tag_list(record.tags)} if record.tags else {}
