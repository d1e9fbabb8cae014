"""Browser forms: `multipart/form-data`, read as it comes, up to the end of its file.

Format: https://www.rfc-editor.org/rfc/rfc7578, and https://www.rfc-editor.org/rfc/rfc2046#section-5.1 for the borders
between parts. What stands in front of the file is kept, what comes behind it is not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from sagewright.base.errors import AwsError
from sagewright.wire.http import Headers

FIELDS_LIMIT: Final = 20_000
"""Bytes in front of the file, as S3 has it."""

_BOUNDARY: Final = re.compile(r';\s*boundary=(?:"([^"]{1,200})"|([^\s;"]{1,200}))', re.IGNORECASE)
_PARAMETER: Final = re.compile(r';\s*(name|filename)="((?:[^"\\]|\\.)*)"|;\s*(name|filename)=([^\s;"]+)', re.IGNORECASE)
# Browsers escape what would end the value, and nothing else.
_ESCAPED: Final = {"%22": '"', "%0D": "\r", "%0A": "\n", '\\"': '"'}


def boundary_of(headers: Headers) -> str | None:
    """The text between a form's parts; None for what is no browser form. Raises MalformedPOSTRequest without one."""
    kind = headers.get("content-type", "")
    if kind.partition(";")[0].strip().lower() != "multipart/form-data":
        return None
    found = _BOUNDARY.search(kind)
    if found is None:
        raise malformed()
    return found[1] or found[2]


class FormReader:
    """Takes a form's bytes as they come.

    `feed` returns pieces of the file; `fields`, by lower-case name, are complete once `in_file`.
    """

    def __init__(self, boundary: str) -> None:
        # The first border may stand at the very beginning: as if a line had ended before it.
        self._buffer = bytearray(b"\r\n")
        self._border = b"\r\n--" + boundary.encode("latin-1", "replace")
        self._begun = False
        self._taken = 0
        self.fields: dict[str, str] = {}
        self.filename = ""
        self.in_file = False
        self.ended = False
        """Whether the form is over, or its file is."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Raises MalformedPOSTRequest and MaxPostPreDataLengthExceededError."""
        if self.ended:
            return
        self._buffer += data
        while not (self.in_file or self.ended) and self._next():
            pass
        if self._taken + (0 if self.in_file else len(self._buffer)) > FIELDS_LIMIT:
            raise AwsError(
                "MaxPostPreDataLengthExceededError",
                "Your POST request fields preceding the upload file were too large.",
                fields={"MaxSizeAllowed": FIELDS_LIMIT},
            )
        if self.in_file:
            yield from self._content()

    def _next(self) -> bool:
        """Take one part in front of the file, or the head of the file's; whether there was one."""
        if not self._begun:
            start = self._buffer.find(self._border)
            if start < 0:
                return False
            self._take(start + len(self._border))
            self._begun = True
        if len(self._buffer) < 2:
            return False
        if self._buffer[:2] == b"--":
            self.ended = True
            return False
        head_end = self._buffer.find(b"\r\n\r\n")
        if head_end < 0:
            return False
        name, filename = _disposition(bytes(self._buffer[:head_end]))
        if name.lower() == "file":
            self._take(head_end + 4)
            self.in_file, self.filename = True, filename
            return False
        end = self._buffer.find(self._border, head_end + 2)
        if end < 0:
            return False
        value = bytes(self._buffer[head_end + 4 : end])
        self._take(end + len(self._border))
        try:
            self.fields.setdefault(name.lower(), value.decode())
        except UnicodeDecodeError:
            raise malformed() from None
        return True

    def _take(self, size: int) -> None:
        del self._buffer[:size]
        self._taken += size

    def _content(self) -> Iterator[bytes]:
        """What surely belongs to the file: a border may have begun in what is left."""
        end = self._buffer.find(self._border)
        if end >= 0:
            self.ended = True
            piece = bytes(self._buffer[:end])
            self._buffer.clear()
        else:
            sure = max(0, len(self._buffer) - len(self._border) + 1)
            piece = bytes(self._buffer[:sure])
            del self._buffer[:sure]
        if piece:
            yield piece


def _disposition(head: bytes) -> tuple[str, str]:
    """(name, filename) of a part. Raises MalformedPOSTRequest."""
    try:
        text = head.decode()
    except UnicodeDecodeError:
        raise malformed() from None
    for line in text.split("\r\n"):
        header, _, value = line.partition(":")
        if header.strip().lower() == "content-disposition":
            found = {(p[0] or p[2]).lower(): _unescaped(p[1] or p[3]) for p in _PARAMETER.findall(value)}
            if "name" in found:
                return found["name"], found.get("filename", "")
    raise malformed()


def _unescaped(text: str) -> str:
    return re.sub(r'%22|%0D|%0A|\\"', lambda found: _ESCAPED[found[0].upper()], text, flags=re.IGNORECASE)


def malformed() -> AwsError:
    """It is not a form, or breaks off."""
    return AwsError("MalformedPOSTRequest", "The body of your POST request is not well-formed multipart/form-data.")
