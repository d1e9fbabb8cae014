"""What every protocol has in common: the port, modelled errors. Called by the edge's decode and encode."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from botocore.model import OperationModel, ServiceModel, Shape

from sagewright.base.errors import AwsError
from sagewright.wire.http import Request, Response


class Protocol(ABC):
    """One service's way to write requests and responses.

    Instances hold compiled closures for one service model and are shared by all threads: compiling twice is
    harmless, and nothing else is written. Get one from `protocol()` or `for_request()`.

    `parse` gives, and `serialize` takes, what boto3 users know: botocore's member names, `bytes` for blobs.
    Times are epoch seconds (`serialize` takes `datetime` as well). Absent members are absent, never None.
    """

    name: str = ""

    def __init__(self, service_model: ServiceModel) -> None:
        self.service_model = service_model

    @abstractmethod
    def operation_name(self, request: Request, service_model: ServiceModel) -> str:
        """The operation a request asks for. Raises `AwsError` with a 4xx status when there is none."""

    @abstractmethod
    def parse(self, request: Request, operation_model: OperationModel) -> dict[str, Any]:
        """The operation's input. Raises `AwsError` when the bytes do not fit its types.

        A streaming payload is `request.body` itself, untouched. Unknown members are ignored, as AWS does.
        """

    @abstractmethod
    def serialize(self, result: Mapping[str, Any], operation_model: OperationModel, request_id: str) -> Response:
        """The response for an operation's output. Members the output shape does not have are left out."""

    @abstractmethod
    def serialize_error(
        self,
        error: AwsError,
        service_model: ServiceModel,
        operation_model: OperationModel | None,
        request_id: str,
    ) -> Response:
        """The response for an error: its code, its sentence, and the modelled fields of its shape."""

    @cached_property
    def operations(self) -> frozenset[str]:
        return frozenset(self.service_model.operation_names)

    @cached_property
    def error_shapes(self) -> dict[str, Shape]:
        """The service's error shapes, by shape name and by the code that older protocols give them."""
        shapes: dict[str, Shape] = {}
        for shape in self.service_model.error_shapes:
            shapes[shape.name] = shape
        for shape in self.service_model.error_shapes:
            shapes.setdefault(_code(shape), shape)
        return shapes

    def error_status(self, error: AwsError) -> int:
        """The model's HTTP status for an error that names none of its own."""
        shape = self.error_shapes.get(error.code)
        if shape is None or error.status != 400:
            return error.status
        return int(shape.metadata.get("error", {}).get("httpStatusCode", error.status))

    def wire_code(self, error: AwsError) -> str:
        """The code that older (XML) protocols print: the modelled `error.code`, else the name itself."""
        shape = self.error_shapes.get(error.code)
        return error.code if shape is None else _code(shape)


def unknown_operation(name: str = "") -> AwsError:
    """What AWS's JSON front ends say to an operation that they do not have."""
    return AwsError("UnknownOperationException", f"Unknown operation {name}".rstrip(), status=404)


def _code(shape: Shape) -> str:
    return str(shape.metadata.get("error", {}).get("code", shape.name))


def message_member(shape: Shape | None) -> str:
    """The member of an error shape that holds its sentence: `message` or `Message`."""
    members = getattr(shape, "members", {})
    return "Message" if "Message" in members and "message" not in members else "message"
