"""Heads of answers."""

import pytest

from sagewright.edge.answers import head
from sagewright.wire.http import Response


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: b", "a\nb", "a\rb", "a\0b"])
def test_no_value_begins_another_header(value: str) -> None:
    start, _ = head(Response(200, {"Content-Type": value}, b""), keep_alive=True, chunks=True)
    lines = start.decode("latin-1").split("\r\n")
    assert [line.partition(":")[0] for line in lines] == [
        "HTTP/1.1 200 OK", "date", "Content-Type", "content-length", "", "",
    ]  # fmt: skip
    assert not any(character in line for line in lines for character in "\r\n\0")
