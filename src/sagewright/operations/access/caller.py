"""What somebody may who asked for work that is done later: they are written down, and asked about when it is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sagewright.operations.access.role_files import SESSION, RoleFiles
from sagewright.operations.call import Call, Params, Principal, Services, Session
from sagewright.resources.record import Record


def written(principal: Principal) -> dict[str, Any]:
    """A caller as a record can hold it."""
    return asdict(principal)


def read(told: Mapping[str, Any]) -> Principal:
    """The caller again."""
    session = told.get("session")
    if session is not None:
        issuer = session.get("issuer")
        session = Session(**{**session, "issuer": None if issuer is None else read(issuer)})
    return Principal(**{**told, "session": session})


def of(services: Services, work: Record) -> Caller:
    """Who asked for some work, whose record has the caller in its spec: as it is written, or the `role` of a job.

    Raises AwsError for a role that is not there."""
    told = work.spec["caller"]
    if "role" not in told:
        return Caller(services, read(told), work.key.region)
    if services.settings.auth == "off":  # nobody is asked who they are, and the role may be none
        return Caller(services, Principal(work.key.account, told["role"], "", "role"), work.key.region)
    return Caller(services, services.credentials.role_principal(told["role"], SESSION), work.key.region)


class Caller(RoleFiles):
    """The objects and the catalog of one server for one caller, at the gate that requests pass. Raises AwsError in
    AWS's words for what the caller may not."""

    def __init__(self, services: Services, principal: Principal, region: str) -> None:
        super().__init__(services, principal.arn, region)
        self._principal = principal

    def glue(self, operation: str, params: Params) -> Params:
        """What Glue answers to an operation. Waits for it."""
        services = self._services
        self.allow("glue", operation, params)
        account = services.settings.account
        return services.neighbours.ask("glue", operation, params, account=account, region=self._region)

    def allow(self, service: str, operation: str, params: Params) -> None:
        """Nothing, where the caller may ask a service for an operation."""
        self._services.gate.check(self._as_caller(service, operation), params)

    def _call(self, operation: str) -> Call | None:
        return None if self._services.settings.auth == "off" else self._as_caller("s3", operation)

    def _as_caller(self, service: str, operation: str) -> Call:
        services = self._services
        account = services.settings.account
        return Call(service, operation, self._principal, account, self._region, "", {}, "", services)
