"""Requests for operations that the neighbours do, which ask for more than they do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

Params = Mapping[str, Any]


def reason(service: str, operation: str, params: Params) -> str | None:
    """Why this request is not done, as a whole sentence; None when it is."""
    look = _LOOKS.get((service, operation))
    return None if look is None else look(params)


def _subscription(params: Params) -> str | None:
    if params["Protocol"] == "sqs":
        return None
    return f"Sagewright's SNS brings messages to SQS queues, and not by {params['Protocol']}: subscribe a queue."


def _publication(params: Params) -> str | None:
    if "PhoneNumber" in params:
        return "Sagewright's SNS sends no text messages: publish to a topic."
    return None


def _key(params: Params) -> str | None:
    origin = params.get("Origin", "AWS_KMS")
    if origin != "AWS_KMS" or "CustomKeyStoreId" in params or "XksKeyId" in params:
        return f"Sagewright's KMS makes key material itself and takes none from {origin}: leave Origin out."
    if params.get("MultiRegion"):
        return "Sagewright's KMS keeps a key in one region: leave MultiRegion out."
    return None


def _created_machine(params: Params) -> str | None:
    if params.get("publish"):
        return "Sagewright does not keep versions of state machines: leave publish out."
    return None


def _user(params: Params) -> str | None:
    if params.get("MessageAction") == "SUPPRESS":
        return None
    return "Sagewright sends no invitations: say MessageAction=SUPPRESS and tell the user the password yourself."


_LOOKS: Final[Mapping[tuple[str, str], Callable[[Params], str | None]]] = {
    ("sns", "Subscribe"): _subscription,
    ("sns", "Publish"): _publication,
    ("kms", "CreateKey"): _key,
    ("stepfunctions", "CreateStateMachine"): _created_machine,
    ("stepfunctions", "UpdateStateMachine"): _created_machine,
    ("cognito-idp", "AdminCreateUser"): _user,
}
