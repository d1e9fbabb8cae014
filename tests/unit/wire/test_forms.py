"""Browser forms, read as they come."""

import pytest

from sagewright.base.errors import AwsError
from sagewright.wire.forms import FIELDS_LIMIT, FormReader, boundary_of

FILE = b"line\r\n--bound\r\nnot the end\r\n-" * 50


def form(*parts: tuple[str, bytes], boundary: bytes = b"boundary", end: bytes = b"--\r\n") -> bytes:
    lines = [
        b"--" + boundary + b"\r\nContent-Disposition: form-data; " + head.encode() + b"\r\n\r\n" + value + b"\r\n"
        for head, value in parts
    ]
    return b"".join(lines) + b"--" + boundary + end


def read(data: bytes, size: int) -> tuple[FormReader, bytes]:
    reader = FormReader("boundary")
    pieces = [piece for at in range(0, len(data), size) for piece in reader.feed(data[at : at + size])]
    return reader, b"".join(pieces)


@pytest.mark.parametrize("size", [1, 7, 64, 100_000])
def test_a_form_is_the_same_however_it_comes(size: int) -> None:
    fields = ('name="key"', b"a/${filename}"), ('name="Empty"', b""), ('name="ACL"', "prüvate\r\n".encode())
    data = form(*fields, ('name="file"; filename="ä \\"b\\".txt"', FILE), ('name="submit"', b"behind"))
    reader, content = read(data, size)
    assert reader.fields == {"key": "a/${filename}", "empty": "", "acl": "prüvate\r\n"}
    assert (reader.filename, content, reader.ended) == ('ä "b".txt', FILE, True)


def test_an_empty_file_is_a_file() -> None:
    reader, content = read(form(("name=file; filename=a", b"")), 10)
    assert (reader.in_file, reader.ended, content, reader.filename) == (True, True, b"", "a")


def test_a_form_that_breaks_off_has_not_ended() -> None:
    reader, content = read(form(('name="file"', FILE))[:-12], 50)
    assert reader.in_file
    assert not reader.ended
    assert FILE.startswith(content)


def test_a_form_without_a_file() -> None:
    reader, _ = read(form(('name="key"', b"a")), 10)
    assert (reader.in_file, reader.ended) == (False, True)


@pytest.mark.parametrize("size", [100, 100_000])
def test_fields_have_a_limit(size: int) -> None:
    with pytest.raises(AwsError, match="preceding the upload file were too large"):
        read(form(('name="key"', b"a" * FIELDS_LIMIT), ('name="file"', b"")), size)


@pytest.mark.parametrize("head", ['filename="a"', 'name="key"\r\nContent-Disposition broken', ""])
def test_parts_have_names(head: str) -> None:
    if head.startswith("name"):
        assert read(form((head, b"a")), 10)[0].fields == {"key": "a"}
        return
    with pytest.raises(AwsError, match="not well-formed"):
        read(form((head, b"a")), 10)


def test_boundaries() -> None:
    kind = "content-type"
    assert boundary_of({kind: "multipart/form-data; boundary=abc"}) == "abc"
    assert boundary_of({kind: 'Multipart/Form-Data; charset=x; Boundary="a b;c"'}) == "a b;c"
    assert boundary_of({kind: "multipart/mixed; boundary=abc"}) is None
    assert boundary_of({}) is None
    with pytest.raises(AwsError, match="not well-formed"):
        boundary_of({kind: "multipart/form-data"})
