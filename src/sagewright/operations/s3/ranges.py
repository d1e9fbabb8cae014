"""Which bytes of an object a request wants: `Range: bytes=…`, or one of the parts it was uploaded in."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sagewright.base.errors import AwsError
from sagewright.dataplane.objects.values import ObjectInfo
from sagewright.operations.call import Params
from sagewright.operations.s3.refusals import invalid_request

_RANGE = re.compile(r"bytes=\s*(\d*)\s*-\s*(\d*)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes `start` to `start + length` of `size`."""

    start: int
    length: int
    size: int
    partial: bool = False
    """Whether the answer is a 206."""
    part: int | None = None
    """The number of the part that these bytes are, when one was asked for."""

    @property
    def content_range(self) -> str:
        return f"bytes {self.start}-{self.start + self.length - 1}/{self.size}"


def wanted(request: Params, info: ObjectInfo) -> Span:
    """What a GetObject or HeadObject asks for. Raises InvalidRange and InvalidPartNumber (416)."""
    part, text = request.get("PartNumber"), request.get("Range")
    if part is not None and text is not None:
        raise invalid_request("Cannot specify both Range header and partNumber query parameter")
    if part is not None:
        return _part(part, info)
    return Span(0, info.size, info.size) if text is None else _range(text, info.size)


def _range(text: str, size: int) -> Span:
    match = _RANGE.fullmatch(text)
    if match is None or match.group(1) == match.group(2) == "":
        # Several ranges, other units, nonsense: HTTP lets a server ignore those, and S3 does.
        return Span(0, size, size)
    first, last = match.groups()
    if not first:
        length = min(int(last), size)
        start = size - length
    else:
        start = int(first)
        end = min(int(last), size - 1) if last else size - 1
        if last and int(last) < start:
            return Span(0, size, size)
        length = end - start + 1
    if length <= 0:
        raise AwsError(
            "InvalidRange",
            "The requested range is not satisfiable",
            status=416,
            fields={"RangeRequested": text, "ActualObjectSize": size},
            headers={"Content-Range": f"bytes */{size}"},
        )
    return Span(start, length, size, partial=True)


def copy_range(text: str, size: int) -> Span:
    """What an UploadPartCopy asks for: both ends given, and inside the source."""
    match = _RANGE.fullmatch(text)
    if match is None or not all(match.groups()):
        raise AwsError(
            "InvalidArgument",
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the "
            "zero-based offsets of the first and last bytes to copy",
            fields={"ArgumentName": "x-amz-copy-source-range", "ArgumentValue": text},
        )
    first, last = (int(end) for end in match.groups())
    if last < first or last >= size:
        raise AwsError(
            "InvalidArgument",
            f"Range specified is not valid for source object of size: {size}",
            fields={"ArgumentName": "x-amz-copy-source-range", "ArgumentValue": text},
        )
    return Span(first, last - first + 1, size, partial=True)


def _part(number: int, info: ObjectInfo) -> Span:
    sizes = [part["Size"] for part in info.attributes.get("Parts", [])] or [info.size]
    if not 1 <= number <= len(sizes):
        raise AwsError(
            "InvalidPartNumber",
            "The requested partnumber is not satisfiable",
            status=416,
            fields={"PartNumberRequested": number, "ActualPartCount": len(sizes)},
        )
    length = sizes[number - 1]
    # An empty object has no byte that a Content-Range could name.
    return Span(sum(sizes[: number - 1]), length, info.size, partial=length > 0, part=number)
