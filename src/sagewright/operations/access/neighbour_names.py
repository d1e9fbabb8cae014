"""What a request to a neighbour is about, whatever it calls it: a key by its alias or by what it encrypted, a secret by
its name without the letters that its ARN ends with.

Policies speak of the things themselves, so whoever asks under another name must meet the same policies.
"""

from __future__ import annotations

import contextlib
import re
from typing import Final

from sagewright.base.errors import AwsError
from sagewright.operations.call import Call, Params

_ABOUT_ALIASES: Final = frozenset({"CreateAlias", "UpdateAlias", "DeleteAlias"})
"""What these are about is the alias itself; a key they name by its own id only."""
_KEY_ID: Final = re.compile(rb"[0-9A-Za-z-]{36}")
"""What the ciphertexts of the neighbours' KMS begin with."""


def asks_neighbour(call: Call, params: Params) -> bool:
    """Whether it takes a question to a neighbour, and so a moment, to tell what a request is about."""
    if call.service == "kms":
        return "alias/" in f"{params.get('KeyId')} {params.get('DestinationKeyId')}"
    return call.service == "secretsmanager" and "SecretId" in params


def key(call: Call, params: Params, arn: str) -> str:
    """The ARN of a KMS key, of any name of it."""
    if call.operation in _ABOUT_ALIASES:
        return arn
    if call.operation == "Decrypt":
        return key_of(call, params) or arn
    name = arn.rpartition(":")[2].removeprefix("key/")
    if not name.startswith("alias/"):
        return _key(call, name)
    with contextlib.suppress(AwsError):
        known = call.services.neighbours.ask(
            "kms", "DescribeKey", {"KeyId": name}, account=call.account, region=call.region
        )
        return _key(call, known["KeyMetadata"]["KeyId"])
    return arn


def key_of(call: Call, params: Params) -> str | None:
    """The ARN of the key that a request's ciphertext was made with; None for what is no ciphertext."""
    found = _KEY_ID.match(params.get("CiphertextBlob", b""))
    return None if found is None else _key(call, found[0].decode())


def _key(call: Call, name: str) -> str:
    return f"arn:aws:kms:{call.region}:{call.account}:key/{name}"


def secret(call: Call, params: Params, arn: str) -> str:
    """A secret's whole ARN; for a secret that is not there, what its name would make of it."""
    if "SecretId" in params:
        with contextlib.suppress(AwsError):
            known = call.services.neighbours.ask(
                "secretsmanager",
                "DescribeSecret",
                {"SecretId": params["SecretId"]},
                account=call.account,
                region=call.region,
            )
            return str(known["ARN"])
    return arn
