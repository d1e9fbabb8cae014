"""Results, a page at a time: read from where they lie in S3, as the caller may."""

from __future__ import annotations

import io
import re
from typing import Any, Final

from sagewright.base.errors import AwsError
from sagewright.dataplane.objects.values import ObjectsError
from sagewright.operations.access.caller import Caller
from sagewright.operations.athena.query_executions import find, location_of
from sagewright.operations.athena.requests import invalid
from sagewright.operations.call import Call, Params
from sagewright.operations.table import Operations
from sagewright.resources.record import Record

operations = Operations()
_PAGE: Final = 1000
_VALUE: Final = re.compile(rb'(?:"((?:[^"]|"")*)")?([,\n]|$)')
_PIECE: Final = 1 << 20


@operations
def get_query_results(call: Call, request: Params) -> Params:
    record = find(call, request["QueryExecutionId"])
    if record.state != "SUCCEEDED":
        reason = record.status.get("StateChangeReason", "")
        raise invalid(f"Query did not finish successfully. Final query state: {record.state} {reason}".strip())
    columns = record.status["columns"]
    about = {"ColumnInfo": [_about(each) for each in columns]}
    if not columns:
        return {"UpdateCount": record.status.get("rows", 0), "ResultSet": {"Rows": [], "ResultSetMetadata": about}}
    token, most = request.get("NextToken", "0"), min(request.get("MaxResults") or _PAGE, _PAGE)
    if not token.isdecimal() or len(token) > 18:
        raise invalid("NextToken is not one that was handed out.")
    rows, after = _rows(_read(call, record, int(token)), most, of_text=location_of(record).endswith(".txt"))
    shown = [{"Data": [{} if value is None else {"VarCharValue": value} for value in row]} for row in rows]
    answer: dict[str, Any] = {"UpdateCount": 0, "ResultSet": {"Rows": shown, "ResultSetMetadata": about}}
    return answer if after is None else {**answer, "NextToken": str(int(token) + after)}


def _about(column: Params) -> Params:
    kind = column["Type"]
    return {
        "CatalogName": "hive",
        "SchemaName": "",
        "TableName": "",
        "Name": column["Name"],
        "Label": column["Name"],
        "Type": kind,
        "Precision": column["Precision"],
        "Scale": column["Scale"],
        "Nullable": "UNKNOWN",
        "CaseSensitive": kind == "varchar",
    }


class _Bytes:
    """An object's bytes from an offset on, read as far as they are wanted."""

    def __init__(self, file: Any) -> None:
        self._file, self.held, self.ended = file, b"", False

    def more(self) -> None:
        piece = self._file.read(_PIECE)
        self.ended = len(piece) < _PIECE
        self.held += piece


def _read(call: Call, record: Record, offset: int) -> _Bytes:
    bucket, _, key = location_of(record).removeprefix("s3://").partition("/")
    try:
        Caller(call.services, call.principal, call.region).stored(bucket, key)
        opened = call.services.objects.open(bucket, key)
    except ObjectsError:
        raise invalid(f"Could not find results: {location_of(record)} is gone.") from None
    except AwsError as error:
        raise AwsError("InvalidRequestException", f"The results cannot be read: {error.message}") from error
    file: Any = io.BytesIO(opened.info.data) if opened.path is None else opened.path.open("rb")
    file.seek(offset)
    return _Bytes(file)


def _rows(source: _Bytes, most: int, *, of_text: bool) -> tuple[list[list[str | None]], int | None]:
    """Rows, and at which byte the next begins; None at the end."""
    source.more()
    rows: list[list[str | None]] = []
    at = 0
    while True:
        if at == len(source.held) and source.ended:
            return rows, None
        if len(rows) == most:
            return rows, at
        found = _line(source.held, at) if of_text else _row(source.held, at)
        if found is None or (found[1] == len(source.held) and not source.ended):
            if source.ended:
                return rows, None
            source.more()
            continue
        rows.append(found[0])
        at = found[1]


def _line(data: bytes, at: int) -> tuple[list[str | None], int] | None:
    end = data.find(b"\n", at)
    return None if end < 0 else ([*data[at:end].decode(errors="replace").split("\t")], end + 1)


def _row(data: bytes, at: int) -> tuple[list[str | None], int] | None:
    """The row at `at`; None where it is not all there."""
    row: list[str | None] = []
    while (match := _VALUE.match(data, at)) is not None:
        value = match[1]
        row.append(None if value is None else value.replace(b'""', b'"').decode(errors="replace"))
        at = match.end()
        if match[2] == b"\n":
            return row, at
        if match[2] == b"":
            return None
    return None
