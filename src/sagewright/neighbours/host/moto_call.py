"""One operation done by moto: members in, members out. In between it believes to see HTTP, which it speaks best."""

from __future__ import annotations

import importlib
import logging
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final
from urllib.parse import urlencode

from botocore.model import OperationModel
from botocore.parsers import ResponseParserFactory
from botocore.serialize import create_serializer
from botocore.utils import parse_timestamp
from moto.core.request import Request
from werkzeug.exceptions import HTTPException

from sagewright.base.errors import AwsError
from sagewright.neighbours.host import mending
from sagewright.neighbours.table import NEIGHBOURS
from sagewright.wire import model

_log = logging.getLogger(__name__)
_NOT_THERE: Final = re.compile("NotFound|DoesNotExist|NonExistent")
_parsers: Final = ResponseParserFactory()
_parsers.set_parser_defaults(timestamp_parser=lambda value: parse_timestamp(value).timestamp())


def call(service: str, operation: str, params: Mapping[str, Any], account: str, region: str) -> dict[str, Any]:
    """The operation's output. Raises AwsError for what moto refuses, and for what it stumbles over."""
    spoken = model.service(service)
    protocol = next(name for name in ("json", "query", "ec2", "rest-json") if name in _protocols(spoken))
    operation_model = spoken.operation_model(operation)
    wire = create_serializer(protocol, include_validation=False).serialize_to_request(params, operation_model)
    host = f"{spoken.endpoint_prefix}.{region}.amazonaws.com"
    body = wire["body"]
    if isinstance(body, dict):
        body = urlencode(body)
    url = f"https://{host}{wire['url_path']}"
    query = wire["query_string"]
    full = f"{url}?{query if isinstance(query, str) else urlencode(query)}" if query else url
    headers = {"x-moto-account-id": account, "Host": host, **wire["headers"]}
    request = Request.from_primitives(wire["method"], full, headers, body)
    try:
        status, answer_headers, answer_body = _answer(NEIGHBOURS[service].module, url, full, request, operation)
    except KeyError as error:
        raise _missing(operation_model, params, error) or stumbled(operation, error) from error
    if isinstance(answer_body, str):
        answer_body = answer_body.encode()
    lowered = {str(name).lower(): str(value) for name, value in dict(answer_headers).items()}
    answer = {"status_code": status, "headers": lowered, "body": answer_body}
    try:
        result: dict[str, Any] = _parsers.create_parser(protocol).parse(
            answer,
            operation_model.output_shape,  # type: ignore[arg-type]
        )
    except Exception as error:
        _log.exception("%s of %s: the answer cannot be read", operation, service)
        raise stumbled(operation, error) from error
    result.pop("ResponseMetadata", None)
    if status >= 300:
        # The status is the model's to say: moto's differ, and a fault of its own is a request that it was not made for.
        told = result.get("Error", {})
        sentence = str(told.get("Message") or f"{operation} was refused without a reason.")
        raise AwsError(str(told.get("Code") or "ValidationException"), sentence)
    return result


def _answer(module: str, url: str, full: str, request: Request, operation: str) -> tuple[int, Any, Any]:
    handler = next((each for pattern, each in _handlers(module) if pattern.match(url)), None)
    if handler is None:
        raise AwsError("ValidationException", f"{operation} is not done here for {url}.")
    try:
        status, headers, body = handler(request, full, request.headers)
    except HTTPException as error:
        return int(error.code or 400), dict(error.get_headers()), error.get_body()
    except (AwsError, KeyError):
        raise
    except Exception as error:
        _log.info("%s of %s", operation, module, exc_info=True)
        raise stumbled(operation, error) from error
    return int(status), headers, body


def _missing(operation_model: OperationModel, params: Mapping[str, Any], error: KeyError) -> AwsError | None:
    """moto looked up what the request names and did not look whether it is there."""
    name = error.args[0] if error.args else None
    if not isinstance(name, str) or name not in _texts(params):
        return None
    codes = [shape.name for shape in operation_model.error_shapes if _NOT_THERE.search(shape.name)]
    return AwsError(codes[0], f"{name[:200]!r} is not here.") if codes else None


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, str):
        yield value


def stumbled(operation: str, error: Exception) -> AwsError:
    """The refusal of a request that moto was not made for."""
    told = str(error).strip() or type(error).__name__
    kind = "" if isinstance(error, NotImplementedError) else f"{type(error).__name__}: "
    sentence = f"{operation} is not done here with these parameters ({kind}{told[:300]}). Nothing was changed."
    return AwsError("ValidationException", sentence)


def _protocols(spoken: Any) -> list[str]:
    metadata = spoken.metadata
    found: list[str] = metadata.get("protocols", [metadata["protocol"]])
    return found


@cache
def _handlers(module: str) -> list[tuple[re.Pattern[str], Any]]:
    mending.mend_module(module)
    urls = importlib.import_module(f"moto.{module}.urls")
    return [
        (re.compile(path.format(base)), handler) for base in urls.url_bases for path, handler in urls.url_paths.items()
    ]
