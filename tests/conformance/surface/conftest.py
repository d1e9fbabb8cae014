"""Servers without a port, with all operations answering, also those that are not built yet; empty, or one of everything."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from sagewright import compose
from sagewright.base.settings import Settings
from sagewright.operations import unbuilt
from sagewright.testing.asker import Answer, Asker, Refused
from sagewright.testing.http import Spelled, sagemaker, spell
from sagewright.testing.population import Population

FAMILY = (
    "sagemaker",
    "sagemaker-runtime",
    "sagemaker-featurestore-runtime",
    "sagemaker-metrics",
    "sagemaker-a2i-runtime",
)
"""The services that are driven."""
ROLE = "arn:aws:iam::123456789012:role/service-role/SagewrightExecutionRole"


class Surface:
    """A server, and what was made in it."""

    def __init__(self, asker: Asker) -> None:
        self.asker = asker
        self.population = Population(ROLE)
        self.left: Mapping[str, str] = {}
        """What could not be made, and why."""

    def fill(self) -> None:
        self.left = self.population.fill(self.call, Refused)

    def send(self, spelled: Spelled) -> Answer:
        return asyncio.run(self.asker.sign_and_send(spelled))

    def call(self, service: str, operation: str, members: Mapping[str, Any]) -> dict[str, Any]:
        """The members of an answer in JSON. Raises Refused."""
        answer = self.send(request(service, operation, members))
        said: dict[str, Any] = json.loads(answer.body) if answer.body[:1] == b"{" else {}
        if answer.status >= 300:
            code = said.get("__type") or answer.headers.get("x-amzn-errortype", "")
            raise Refused(answer.status, code, said.get("message") or said.get("Message") or "")
        return said


def request(service: str, operation: str, members: Mapping[str, Any]) -> Spelled:
    """A request as boto3 sends it, whatever the members are. Raises what botocore's serializer raises."""
    return sagemaker(operation, members) if service == "sagemaker" else spell(service, operation, members)


@pytest.fixture(scope="module")
def _everything_built() -> Iterator[None]:
    logging.getLogger("sagewright").setLevel(logging.CRITICAL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unbuilt, "unbuilt", lambda _service: {})
        yield


def _surface(folder: Path) -> Iterator[Surface]:
    server = compose.build(Settings(data=folder / "data", store="memory:", sandbox="off"))
    services = server.app.services
    yield Surface(Asker(server, services.credentials.root(), services.clock.now()))
    server.close()


@pytest.fixture(scope="module")
def empty(_everything_built: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Surface]:
    yield from _surface(tmp_path_factory.mktemp("empty"))


@pytest.fixture(scope="module")
def full(_everything_built: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Surface]:
    for surface in _surface(tmp_path_factory.mktemp("full")):
        surface.fill()
        yield surface
