"""What the operations of CloudWatch Logs share: whose logs, which group, tokens, AWS's words for what is missing."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from contextlib import contextmanager

from sagewright.base.errors import AwsError
from sagewright.operations.call import Call, Params
from sagewright.resources.arn import Arn
from sagewright.telemetry.logs import Logs, NoSuchGroup, NoSuchStream


def logs_of(call: Call) -> Logs:
    """The logs of the caller's account in the region that was called."""
    return call.services.logs.at(call.account, call.region)


def group_name(request: Params) -> str:
    """The group that `logGroupName` or `logGroupIdentifier` (a name or an ARN) means. Raises AwsError."""
    name, identifier = request.get("logGroupName"), request.get("logGroupIdentifier")
    if (name is None) == (identifier is None):
        raise invalid("Exactly one of the following parameters must be specified: logGroupName, logGroupIdentifier.")
    return name or name_in(identifier or "")


def name_in(identifier: str) -> str:
    """The group of a name or an ARN, with or without its trailing `:*`. Raises AwsError."""
    if not identifier.startswith("arn:"):
        return identifier
    try:
        resource = Arn.parse(identifier).resource
    except ValueError:
        resource = ""
    kind, _, name = resource.removesuffix(":*").partition(":")
    if kind != "log-group" or not name:
        raise invalid(f"{identifier!r} is not the ARN of a log group.")
    return name


def group_arn(call: Call, name: str) -> str:
    """Without the trailing `:*`."""
    return str(Arn("aws", "logs", call.region, call.account, f"log-group:{name}"))


def invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterException", message)


def missing(what: str) -> AwsError:
    return AwsError("ResourceNotFoundException", f"The specified {what} does not exist.")


@contextmanager
def aws_words() -> Iterator[None]:
    """Say of what is not there what AWS says."""
    try:
        yield
    except NoSuchGroup as error:
        raise missing("log group") from error
    except NoSuchStream as error:
        raise missing("log stream") from error


def token(*parts: object) -> str:
    """An opaque token for the next page."""
    return base64.urlsafe_b64encode("\0".join(map(str, parts)).encode("utf-8", "surrogatepass")).decode()


def read_token(text: str, parts: int) -> list[str]:
    """The reverse of `token`. Raises AwsError for what is none."""
    try:
        found = base64.b64decode(text, altchars=b"-_", validate=True).decode("utf-8", "surrogatepass").split("\0")
    except (binascii.Error, ValueError):
        found = []
    if len(found) != parts:
        raise bad_token()
    return found


def bad_token() -> AwsError:
    return invalid("The specified nextToken is invalid.")
