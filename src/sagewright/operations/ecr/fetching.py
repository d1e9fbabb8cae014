"""How a container engine comes to the images in our repositories: by the registry, as the role that they run for."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from sagewright.operations.access.role_files import SESSION
from sagewright.operations.call import Call, Principal, Services
from sagewright.operations.ecr import tickets
from sagewright.operations.sagemaker.roles import check_role
from sagewright.resources.ecr import REPOSITORY, repository_of
from sagewright.resources.record import Key

_FETCH: Final = 3600.0
"""Seconds that fetching an image may take."""


class OwnImages:
    """One server's own images. `registry` is `HOST:PORT` of this server, as the engine reaches it."""

    def __init__(self, services: Services, registry: str) -> None:
        self._services, self._registry = services, registry

    def address(self, image: str, region: str) -> str | None:
        """Where the engine finds an image that is in one of our repositories; None for all others."""
        account = self._services.settings.account
        name = repository_of(image, account)
        if name is None:
            return None
        key = Key(account, name.region or region, REPOSITORY, "", name.repository)
        if self._services.store.get(key) is None:
            return None
        mark = "@" if name.reference.startswith("sha256:") else ":"
        return f"{self._registry}/{name.repository}{mark}{name.reference}"

    def login(self, image: str, role_arn: str, region: str) -> tuple[str, str] | None:
        """User and password to fetch it with, the role's. None where nobody is asked who they are.

        Raises AwsError for a role that is none.
        """
        services = self._services
        if services.settings.auth == "off":
            return None
        account = services.settings.account
        name = repository_of(image, account)
        of_image = (name.region if name else None) or region
        nobody = Principal(account, "", "", "anonymous")
        call = Call("ecr", "GetAuthorizationToken", nobody, account, of_image, "", {}, "", services)
        check_role(call, role_arn)
        call = replace(call, principal=services.credentials.role_principal(role_arn, SESSION))
        services.gate.check(call, {})
        ticket, _ = tickets.issue(call, tickets.LOGIN, _FETCH)
        return tickets.USER, ticket
