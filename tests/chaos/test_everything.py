"""One of everything in every service, a SIGKILL, and everything is as it was."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from sagewright.neighbours.table import NEIGHBOURS
from sagewright.operations import table
from sagewright.testing.asker import Answer, Asker
from sagewright.testing.http import Spelled
from sagewright.testing.population import FAMILY, Population
from sagewright.testing.surroundings import Surroundings
from sagewright.wire import model, sigv4
from sagewright.wire.http import Request

from .server import Server, eventually

READING = ("Describe", "List", "Get", "Head", "Search", "Query", "BatchGet", "BatchDescribe", "Is")
OF_THE_MOMENT: Mapping[str, set[str]] = {
    "cloudwatch": {"DescribeAlarmHistory", "ListMetrics"},
    "ecr": {"GetAuthorizationToken"},
    "logs": {"GetLogObject"},
    "secretsmanager": {"GetRandomPassword"},
    "sts": {"GetSessionToken", "GetFederationToken"},
}
"""What is asked of these is made when it is asked for, or by a minute that passes; or boto3 asks it of another host."""
UNASKED = {"ce", "sagemaker-runtime", "sagemaker-featurestore-runtime"}
"""What has no question about what is kept: costs go on by the second."""
_CHANGING = {
    *("ResponseMetadata", "RoleLastUsed", "LastAccessedDate", "ReportGenerated", "SizeInBytes"),
    # Alarms are evaluated as minutes pass.
    *("StateValue", "StateReason", "StateReasonData", "StateUpdatedTimestamp", "StateTransitionedTimestamp"),
}
"""Members that time and the asking itself change."""
ROLE = "arn:aws:iam::123456789012:role/service-role/SagewrightExecutionRole"


class Distant:
    """As `Asker`, to a server with a port."""

    def __init__(self, port: int, environment: Mapping[str, str]) -> None:
        self._port, self._environment = port, environment

    async def sign_and_send(self, spelled: Spelled) -> Answer:
        headers = {"host": f"127.0.0.1:{self._port}", **spelled.headers}
        headers |= sigv4.sign(
            Request(spelled.method, spelled.path, spelled.query, headers, spelled.body),
            access_key_id=self._environment["AWS_ACCESS_KEY_ID"],
            secret_key=self._environment["AWS_SECRET_ACCESS_KEY"],
            token=self._environment["AWS_SESSION_TOKEN"],
            region="us-east-1",
            service=spelled.service,
            now=time.time(),
        )
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            address = spelled.path + (f"?{spelled.query}" if spelled.query else "")
            connection.request(spelled.method, address, spelled.body, headers)
            answer = connection.getresponse()
            told = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, told, answer.read())
        finally:
            connection.close()


class Everything:
    """What was made on a server, and how all of it is asked about."""

    def __init__(self, server: Server) -> None:
        self._port = server.port
        environment = server.environment()
        self._session = boto3.Session(
            environment["AWS_ACCESS_KEY_ID"],
            environment["AWS_SECRET_ACCESS_KEY"],
            environment["AWS_SESSION_TOKEN"],
            "us-east-1",
        )
        self._clients: dict[str, Any] = {}
        asker = cast(Asker, Distant(server.port, environment))
        self.population = Population(asker, ROLE)
        self.surroundings = Surroundings(self.ask, ROLE)

    def ask(self, service: str, operation: str, members: Mapping[str, Any]) -> Mapping[str, Any]:
        """boto3's answer, its streams read. Raises ClientError."""
        if service not in self._clients:
            config = Config(
                retries={"total_max_attempts": 1}, parameter_validation=False, s3={"addressing_style": "path"}
            )
            address = f"http://127.0.0.1:{self._port}"
            self._clients[service] = self._session.client(service, endpoint_url=address, config=config)
        answer: dict[str, Any] = self._clients[service]._make_api_call(operation, dict(members))
        return {name: value.read() if hasattr(value, "read") else value for name, value in answer.items()}

    def told(self) -> dict[str, Any]:
        """Every answer about anything, refusals too, by service and operation."""
        return {f"{service} {name}": self._about(service, name) for service, name in _reads()}

    def _about(self, service: str, operation: str) -> Any:
        family = service in FAMILY
        members = self.population.valid(service, operation) if family else self.surroundings.valid(service, operation)
        try:
            return _lasting(self.ask(service, operation, members))
        except ClientError as refused:
            return refused.response["Error"]["Code"]


def _reads() -> Iterator[tuple[str, str]]:
    for service in (*table.MODULES, *NEIGHBOURS):
        for name in model.service(service).operation_names:
            if name.startswith(READING) and name not in OF_THE_MOMENT.get(service, ()):
                yield service, name


def _lasting(value: Any) -> Any:
    match value:
        case dict():
            return {key: _lasting(inner) for key, inner in value.items() if key not in _CHANGING}
        case list():
            return [_lasting(inner) for inner in value]
    return value


def test_a_server_that_was_killed_tells_what_it_told_before(tmp_path: Path) -> None:
    server = Server(tmp_path)
    try:
        server.start()
        everything = Everything(server)
        everything.population.fill()
        everything.surroundings.fill()
        assert everything.surroundings.left == {}
        before = _settled(everything.told)
        answered = [what for what, told in before.items() if not isinstance(told, str)]
        server.kill()
        server.start()
        after = everything.told()
        differing = {what: (told, after[what]) for what, told in before.items() if after[what] != told}
        assert not differing, "\n\n".join(f"{what}\n  {old}\n  {new}" for what, (old, new) in differing.items())[:6000]
        silent = {service for service, _ in _reads()} - {what.split()[0] for what in answered}
        assert silent <= UNASKED, "nothing was asked of these"
        print(len(before), "questions,", len(answered), "answers")
    finally:
        server.kill()


def _settled(look: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What is told once nothing changes by itself any more."""
    seen = [look()]

    def same() -> bool:
        seen.append(look())
        return seen[-1] == seen[-2]

    def changing() -> str:
        return str({what: told for what, told in seen[-1].items() if told != seen[-2][what]})[:3000]

    eventually(same, within=180, what=changing)
    return seen[-1]
