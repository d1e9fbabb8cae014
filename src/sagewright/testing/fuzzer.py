"""Requests that nobody should send: valid ones, damaged in one to three places."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from botocore.model import OperationModel

from sagewright.testing import examples
from sagewright.testing.http import Spelled, sagemaker, spell
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


class Fuzzer:
    """Makes damaged requests from a seed; the same seed makes the same ones."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311  the same seed must make the same requests
        # The SageMaker family gets two thirds of the attention, its neighbours share the rest.
        self._family = [name for name in model.SERVICES if name.startswith("sagemaker")]
        self._others = [name for name in model.SERVICES if name not in self._family]

    def request(self) -> Spelled:
        """The next request."""
        chosen = self._random
        service = (
            chosen.choice(self._others)
            if chosen.random() < 0.35
            else chosen.choice([*self._family, *["sagemaker"] * 6])
        )
        operation = model.service(service).operation_model(chosen.choice(list(model.service(service).operation_names)))
        params = self._params(operation)
        try:
            spelled = spell(service, operation.name, params)
        except Exception:  # noqa: BLE001  what botocore cannot write down
            spelled = self._by_hand(service, operation, params)
        return self._damaged(spelled) if chosen.random() < 0.4 else spelled

    def _params(self, operation: OperationModel) -> dict[str, Any]:
        chosen = self._random
        make = chosen.choice((examples.minimal, examples.whole))
        params = make(operation)
        if chosen.random() < 0.9:
            params.pop("NextToken", None)  # or little else would be looked at
        for _ in range(chosen.randrange(0, 4)):
            self._spoil(params)
        return params

    def _spoil(self, params: dict[str, Any]) -> None:
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
                node[key] = self._value(node.get(key))
        elif isinstance(node, list) and node:
            node[chosen.randrange(len(node))] = self._value(node[0])

    def _value(self, old: Any) -> Any:
        chosen = self._random
        if isinstance(old, str) and chosen.random() < 0.6:
            return chosen.choice(_STRINGS)
        deep = chosen.random() < 0.02
        value: Any = chosen.choice((*_VALUES, *_STRINGS))
        for _ in range(chosen.choice((200, 3000)) if deep else 0):
            value = [value]
        return value

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
