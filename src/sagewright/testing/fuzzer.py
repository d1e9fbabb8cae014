"""Requests that nobody should send: valid ones for what a server holds, most of them damaged in a place or two.

What is asked for mostly exists: names, ids and ARNs come from the populations that the server was filled with, and
only then something is changed, left out or put in that does not belong there.
"""

from __future__ import annotations

import pickle
import random
from dataclasses import dataclass, replace
from typing import Any

from botocore.model import OperationModel

from sagewright.neighbours.table import NEIGHBOURS
from sagewright.testing.handwritten import Images, Objects
from sagewright.testing.http import Spelled, sagemaker, spell
from sagewright.testing.population import FAMILY, Population
from sagewright.testing.steps import NAME
from sagewright.testing.surroundings import Surroundings
from sagewright.wire import model

_STRINGS = (
    "", " ", "a", "A" * 70, "A" * 5000, "..", "../../etc/passwd", "a/b", "%", "%00", "%2e%2e", "\x00", "\ud800",
    "ü", "🦉",
    "arn:", "arn:aws:sagemaker:us-east-1:123456789012:model/a", "arn:aws:iam::123456789012:role/none",
    "arn:aws:s3:::b/k",
    "s3://", "s3://bucket", "s3://bucket/key", "null", "-1", "1e999", "{}", "[]", "<x/>",
    "'; DROP TABLE records; --", "*", "${a}",
    "2020-01-01T00:00:00Z", "\r\nx-injected: 1", "NaN", "true", "0", "d-abcdefghijkl", "eyJhIjoxfQ==",
)  # fmt: skip
_VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2**31, 2**63, 2**64, -(2**63), 10**30, 0.5, 1e308, -1e308, [], {}, [[]], [None],
    {"a": {}}, [1, "a", {}],
    {"": ""}, [{}] * 50, "x" * 20_000,
)  # fmt: skip
_HEADERS = (
    ("content-type", "text/plain"), ("content-type", ""),
    ("content-type", "application/x-amz-json-1.1; charset=utf-16"),
    ("content-encoding", "gzip"), ("x-amz-target", "SageMaker."), ("x-amz-target", "SageMaker.NoSuchThing"),
    ("x-amz-target", "."),
    ("accept", "application/xml"), ("range", "bytes=5-1"), ("range", "bytes=a-"), ("if-match", "\"x"),
    ("expect", "100-continue"),
    ("if-modified-since", "yesterday"), ("x-amz-decoded-content-length", "-3"), ("x-amz-copy-source", "/%00"),
    ("content-md5", "nope"),
    ("x-amz-checksum-crc32", "!!!!"), ("x-amz-sdk-checksum-algorithm", "MD4"), ("x-amz-tagging", "a=b&a=c&&="),
    ("host", "b.s3.localhost"),
    ("origin", "http://x"), ("x-amz-security-token", "AAAA"),
    ("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
    ("smithy-protocol", "rpc-v2-cbor"), ("content-length", "-1"), ("transfer-encoding", "chunked"),
    ("x-amz-expected-bucket-owner", "1"),
)  # fmt: skip


_NAMES = ("a", "b", "c", NAME, "None", "A")
_ENDING = ("Delete", "Terminate", "Deregister", "Remove", "Stop", "Detach")
_MAKE_BELIEVE = ("NextToken", "Checksum", "ContentMD5", "SSE", "CopySourceSSE", "CopySourceIf", "If", "Expected")
"""Members that only who knows an answer, a body or a secret can fill in."""
_SHARES = {"sagemaker": 45, "s3": 14, "iam": 10, "sts": 2, "logs": 4, "cloudwatch": 5, "events": 3, "scheduler": 3,
           "application-autoscaling": 3, "ecr": 5}  # fmt: skip
"""How often a service is asked, of a hundred; the others of its family and the neighbours share the rest."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A request, and what is known of it."""

    spelled: Spelled
    service: str | None = None
    """None for what may be taken for anything."""
    operation: str | None = None
    as_it_should_be: bool = False
    """Whether it is spelled as boto3 spells it, whatever its members are."""
    how: str = "header"
    """How it is signed: in its `header`, its `query`, the older query `v2`; or `not`, as it brings what it needs."""


class Fuzzer:
    """Makes requests from a seed; the same seed and the same populations make the same ones."""

    def __init__(self, seed: int, population: Population, surroundings: Surroundings, *, neighbours: bool) -> None:
        """`neighbours` is whether they are asked too, which takes a process of theirs."""
        self._random = random.Random(seed)  # noqa: S311  the same seed must make the same requests
        self._population, self._surroundings = population, surroundings
        self._objects = Objects(self._random, NAME)
        self._images = Images(self._random, NAME)
        family = [name for name in model.SERVICES if name.startswith("sagemaker") and name != "sagemaker"]
        unserved = [name for name in model.SERVICES if name not in (*family, *NEIGHBOURS, *_SHARES)]
        self._services = [name for name, share in _SHARES.items() for _ in range(share)]
        self._services += family * 2
        self._rare = [*(NEIGHBOURS if neighbours else ()), *unserved]
        self._made: dict[tuple[str, str, bool], bytes] = {}
        self._there: dict[str, list[str]] = {}

    def refresh(self) -> None:
        """Look at the populations again, which were filled again."""
        self._made.clear()
        self._there.clear()

    def request(self) -> Sent:
        """The next request."""
        chosen = self._random
        kind = chosen.random()
        if kind < 0.08:
            return Sent(self._objects.request(), "s3", how=chosen.choice(("header", "header", "header", "query", "v2")))
        if kind < 0.1:
            return Sent(self._images.request(self._surroundings.known.get("ecr", {})), how="not")
        service = chosen.choice(self._rare if chosen.random() < 0.05 else self._services)
        operation = self._operation(service)
        params = self._params(service, operation)
        try:
            spelled, whole = spell(service, operation.name, params), _complete(operation, params)
        except Exception:  # noqa: BLE001  what botocore cannot write down
            spelled, whole = self._by_hand(service, operation, params), False
        if chosen.random() < 0.15:
            spelled, whole = self._damaged(spelled), False
        how = chosen.choice(("query", "v2")) if service == "s3" and chosen.random() < 0.1 else "header"
        return Sent(spelled, service, operation.name, whole and how == "header", how)

    def _operation(self, service: str) -> OperationModel:
        names = model.service(service).operation_names
        name = self._random.choice(names)
        if name.startswith(_ENDING) and self._random.random() < 0.7:
            name = self._random.choice(names)  # or soon there is nothing left
        return model.service(service).operation_model(name)

    # Members.

    def _params(self, service: str, operation: OperationModel) -> dict[str, Any]:
        chosen = self._random
        params = self._valid(service, operation, whole=chosen.random() < 0.3)
        if chosen.random() < 0.3 and operation.input_shape is not None:
            # Some of the members that it might have.
            whole = self._valid(service, operation, whole=True)
            params |= {member: value for member, value in whole.items() if chosen.random() < 0.3}
        for member in [name for name in params if name.startswith(_MAKE_BELIEVE) and chosen.random() < 0.9]:
            del params[member]  # or little else would be looked at
        if chosen.random() < 0.3:
            named = [member for member, value in params.items() if member.endswith("Name") and isinstance(value, str)]
            params |= {member: chosen.choice(_NAMES) for member in named}
        for _ in range(chosen.choice((0, 0, 0, 0, 1, 1, 2, 3))):
            self._spoil(service, params)
        return params

    def _valid(self, service: str, operation: OperationModel, *, whole: bool) -> dict[str, Any]:
        made = self._made.get((service, operation.name, whole))
        if made is None:
            made = pickle.dumps(self._fresh(service, operation, whole=whole))
            self._made[service, operation.name, whole] = made
        params: dict[str, Any] = pickle.loads(made)  # noqa: S301  our own, and the quickest deep copy
        return params

    def _fresh(self, service: str, operation: OperationModel, *, whole: bool) -> dict[str, Any]:
        if service in FAMILY:
            return self._population.valid(service, operation.name, whole=whole)
        return self._surroundings.valid(service, operation.name, whole=whole)

    def _known(self, service: str) -> list[str]:
        """Names, ids and ARNs of what is there."""
        if service not in self._there:
            of_service = self._population.known if service in FAMILY else self._surroundings.known.get(service, {})
            self._there[service] = [*of_service.values(), self._population.role, *_NAMES]
        return self._there[service]

    def _spoil(self, service: str, params: dict[str, Any]) -> None:
        """Change, remove or add one thing somewhere inside."""
        chosen = self._random
        node: Any = params
        for _ in range(chosen.randrange(0, 5)):
            inner = [
                value
                for value in (node.values() if isinstance(node, dict) else node)
                if isinstance(value, dict | list) and value
            ]
            if not inner:
                break
            node = chosen.choice(inner)
        if isinstance(node, dict):
            key = chosen.choice([*node, "Unknown"]) if node else "Unknown"
            if chosen.random() < 0.2:
                node.pop(key, None)
            else:
                node[key] = self._value(service, node.get(key))
        elif isinstance(node, list) and node:
            node[chosen.randrange(len(node))] = self._value(service, node[0])

    def _value(self, service: str, old: Any) -> Any:
        chosen = self._random
        if isinstance(old, str) and chosen.random() < 0.8:
            return chosen.choice(_STRINGS if chosen.random() < 0.5 else self._known(service))
        deep = chosen.random() < 0.01
        value: Any = chosen.choice((*_VALUES, *_STRINGS))
        for _ in range(chosen.choice((200, 3000)) if deep else 0):
            value = [value]
        return value

    # The wire.

    def _by_hand(self, service: str, operation: OperationModel, params: dict[str, Any]) -> Spelled:
        if service == "sagemaker":
            try:
                return sagemaker(operation.name, params)
            except (RecursionError, ValueError):
                return Spelled(
                    "sagemaker", "POST", "/", "", {"x-amz-target": f"SageMaker.{operation.name}"}, b"[" * 5000
                )
        path = self._random.choice(
            (
                "/",
                "//",
                "/%",
                "/a/b?c",
                "/endpoints//invocations",
                "/FeatureGroup/",
                "/bucket/../key",
                "/human-loops/%ff",
            )
        )
        method = self._random.choice(("GET", "PUT", "POST", "DELETE", "HEAD", "PATCH", "OPTIONS"))
        return Spelled(model.SERVICES[service].signing_name, method, path, "", {}, b"")

    def _damaged(self, spelled: Spelled) -> Spelled:
        chosen = self._random
        kind = chosen.randrange(6)
        body = spelled.body
        if kind == 0 and body:
            return replace(spelled, body=body[: chosen.randrange(len(body))])
        if kind == 1 and body:
            at = chosen.randrange(len(body))
            return replace(spelled, body=body[:at] + bytes([chosen.randrange(256)]) + body[at + 1 :])
        if kind == 2:
            name, value = chosen.choice(_HEADERS)
            return replace(spelled, headers={**spelled.headers, name: value})
        if kind == 3:
            return replace(
                spelled, method=chosen.choice(("GET", "PUT", "POST", "DELETE", "HEAD", "PATCH", "OPTIONS", "BREW"))
            )
        if kind == 4:
            return replace(spelled, query=chosen.choice(("uploads", "uploadId=x&partNumber=0", "list-type=2&max-keys=-1", "versionId=", "%", "a=%ff", "acl", "policy", "&&&", "max-keys=9999999999999999999999")))  # noqa: E501  # fmt: skip
        return replace(spelled, path=chosen.choice((spelled.path + "/", spelled.path + "%00", "/" + spelled.path, spelled.path + "/..", "/bucket", "/bucket/k%2f..%2f", spelled.path + "a" * 3000)))  # noqa: E501  # fmt: skip


def _complete(operation: OperationModel, params: dict[str, Any]) -> bool:
    """Whether nothing is missing that may stand in an address, where it tells what is asked for."""
    shape = operation.input_shape
    return shape is None or all(params.get(member) not in (None, "") for member in shape.required_members)
