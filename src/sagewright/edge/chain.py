"""The stages a request passes, each frozen: what is known of it so far."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any
from typing import Protocol as Port

from botocore.model import OperationModel, ServiceModel

from sagewright.base.values import frozen
from sagewright.operations.call import Call, Params, Principal, Services
from sagewright.wire.http import Request
from sagewright.wire.protocols import Protocol
from sagewright.wire.sigv4 import Signature

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
"""Gives the next piece of a body, see `Incoming`."""


@frozen
class Raw:
    """A request as it came in, with the id it was given. The body is still on the wire."""

    request_id: str
    request: Request
    receive: Receive
    origin: str
    """`scheme://host:port` as the client spelled it."""
    peer: str = ""
    """The address that it came from; '' on a Unix socket."""
    received: float = 0.0
    """When it came in, by the clock's monotonic time."""


def on_behalf(raw: Raw, services: Services, principal: Principal, region: str, *, service: str, operation: str) -> Call:
    """A call for whom a request is, though it is none of AWS's: what they may do is asked of the gate as for that."""
    return Call(
        service=service,
        operation=operation,
        principal=principal,
        account=principal.account,
        region=region,
        request_id=raw.request_id,
        headers=raw.request.headers,
        host=raw.origin,
        services=services,
        peer=raw.peer,
    )


class FormFile(Port):
    """The file of a form, to be read once."""

    sizes: tuple[int, int] | None
    """Bytes that it must have at least and at most; it raises when it has others."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...


@dataclass(frozen=True, slots=True)
class Form:
    """A browser's form that posts a file into a bucket; the file is still on the wire."""

    bucket: str
    fields: Mapping[str, str]
    """By lower-case name, with their variables filled in."""
    file: FormFile

    @property
    def key(self) -> str:
        return self.fields["key"]


@frozen
class Routed:
    """Its service, protocol and operation are known; nothing is believed yet."""

    raw: Raw
    signature: Signature | None
    service: str
    protocol: Protocol
    model: ServiceModel
    operation: OperationModel
    addressed: Request
    """The request in path style, whatever style the client used. Signatures are checked on `raw.request`."""
    body: bytes | None
    """None while an operation streams its body."""
    form: Form | None = None
    """The form that `addressed` was read from, if one was posted."""


@frozen
class Identified:
    """Who asks is proven."""

    routed: Routed
    principal: Principal
    region: str
    body: Any
    """The bytes, or a `BodyStream` that checks itself while it is read."""


@frozen
class Decoded:
    """The input is read and fits the model."""

    identified: Identified
    call: Call
    params: Params
