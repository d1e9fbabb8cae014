"""Requests for operations that the neighbours do, which ask for more than they do, or for what nobody does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from sagewright.base.errors import AwsError
from sagewright.neighbours.table import NEIGHBOURS

Params = Mapping[str, Any]


def check(service: str, operation: str, params: Params) -> None:
    """Raises AwsError for a request that is not done, with the reason as a whole sentence."""
    reason = NEIGHBOURS[service].left_out(operation)
    look = _LOOKS.get((service, operation))
    if reason is None and look is not None:
        reason = look(params)
    if reason is not None:
        raise AwsError("ValidationException", f"{reason} Nothing was changed.")
    if service == "sns":
        _arns(params)


def _arns(params: Params) -> None:
    """moto takes these apart without looking."""
    for member in ("TopicArn", "TargetArn", "SubscriptionArn", "ResourceArn"):
        parts = params.get(member, "arn:aws:sns:::").split(":")
        if len(parts) < 6 or parts[2] != "sns":
            raise AwsError("InvalidParameter", f"Invalid parameter: {member} Reason: this is no ARN of SNS.")


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
