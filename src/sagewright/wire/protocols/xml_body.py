"""XML documents by shape: closures compiled once per shape, shared by rest-xml, query and ec2.

Namespaces are written where the model wants them and ignored where they are read, as AWS does.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final
from xml.etree import ElementTree

from botocore.model import ListShape, MapShape, Shape, StructureShape

from sagewright.base.errors import AwsError
from sagewright.wire.protocols.scalars import FROM_TEXT, to_text

Element = ElementTree.Element
Read = Callable[[list[Element]], Any]
"""All elements that carry a member's name → its value."""
Write = Callable[[list[str], str, Any], None]
"""(pieces of the document so far, tag, value): appends the element."""

# XML 1.0 has no way to say these, not even as references (https://www.w3.org/TR/xml/#charsets).
_UNSAYABLE: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'


def malformed() -> AwsError:
    """S3's answer to a document that cannot be what was meant."""
    return AwsError(
        "MalformedXML",
        "The XML you provided was not well-formed or did not validate against our published schema",
    )


def load(body: bytes) -> Element:
    """The root element. Raises `MalformedXML`; document types are refused, so no entity can expand."""
    if b"\0" in body or b"<!DOCTYPE" in body:
        raise malformed()
    try:
        return ElementTree.fromstring(body)  # noqa: S314 - without a document type there is nothing to expand
    except ElementTree.ParseError as exc:
        raise malformed() from exc


def escape(text: str) -> str:
    """Text for an element or an attribute. A carriage return must be spelled, or XML reads it as a newline.

    What XML cannot say becomes U+FFFD, or nobody could read the rest; who lists such keys asks for `encoding-type=url`.
    """
    if not text.isprintable():
        text = _UNSAYABLE.sub("\ufffd", text)
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace('"', "&quot;").replace("\r", "&#13;")


def local(tag: str) -> str:
    return tag.rpartition("}")[2]


class XmlCodec:
    """Readers and writers of one service's shapes, compiled on first use."""

    def __init__(self, timestamp_format: str = "iso8601") -> None:
        self._timestamp_format = timestamp_format
        self._readers: dict[tuple[str, ...], Read] = {}
        self._writers: dict[tuple[str, ...], Write] = {}
        self._lock = threading.RLock()

    def reader(self, shape: Shape) -> Read:
        """Raises `MalformedXML` when text is not what the shape's type wants."""
        key = _key(shape)

        # A shape may contain itself: while it is being built, its inner self is looked up at call time.
        def stand_in(nodes: list[Element]) -> Any:
            return self._readers[key](nodes)

        with self._lock:
            if key not in self._readers:
                self._readers[key] = stand_in
                self._readers[key] = self._read(shape)
            return self._readers[key]

    def writer(self, shape: Shape) -> Write:
        key = _key(shape)

        def stand_in(out: list[str], tag: str, value: Any) -> None:
            self._writers[key](out, tag, value)

        with self._lock:
            if key not in self._writers:
                self._writers[key] = stand_in
                self._writers[key] = self._write(shape)
            return self._writers[key]

    def _read(self, shape: Shape) -> Read:
        if isinstance(shape, StructureShape):
            return self._read_structure(shape)
        if isinstance(shape, ListShape):
            return _read_list(self.reader(shape.member), flattened=_flattened(shape))
        if isinstance(shape, MapShape):
            return self._read_map(shape)
        return _read_scalar(FROM_TEXT.get(shape.type_name))

    def _read_structure(self, shape: StructureShape) -> Read:
        members: dict[str, tuple[str, Read]] = {}
        attributes: dict[str, str] = {}
        for name, member in shape.members.items():
            if "location" in member.serialization:
                continue
            if member.serialization.get("xmlAttribute"):
                attributes[str(member.serialization["name"]).rpartition(":")[2]] = name
                continue
            for wire in _wire_names(member, name):
                members.setdefault(wire, (name, self.reader(member)))

        def read(nodes: list[Element]) -> dict[str, Any]:
            node = nodes[-1]
            found: dict[str, list[Element]] = {}
            for child in node:
                found.setdefault(local(child.tag), []).append(child)
            out = {}
            for tag, children in found.items():
                entry = members.get(tag)
                if entry is not None:
                    out[entry[0]] = entry[1](children)
            for key, value in node.attrib.items():
                if local(key) in attributes:
                    out[attributes[local(key)]] = value
            return out

        return read

    def _read_map(self, shape: MapShape) -> Read:
        key_tag = str(shape.key.serialization.get("name", "key"))
        value_tag = str(shape.value.serialization.get("name", "value"))
        read_key, read_value = self.reader(shape.key), self.reader(shape.value)
        flattened = _flattened(shape)

        def read(nodes: list[Element]) -> dict[str, Any]:
            out = {}
            for entry in nodes if flattened else list(nodes[-1]):
                parts = {local(child.tag): child for child in entry}
                if key_tag not in parts or value_tag not in parts:
                    raise malformed()
                out[read_key([parts[key_tag]])] = read_value([parts[value_tag]])
            return out

        return read

    def _write(self, shape: Shape) -> Write:
        if isinstance(shape, StructureShape):
            return self._write_structure(shape)
        if isinstance(shape, ListShape):
            return self._write_list(shape)
        if isinstance(shape, MapShape):
            return self._write_map(shape)
        text = to_text(shape, self._timestamp_format)
        return lambda out, tag, value: out.append(f"<{tag}>{escape(text(value))}</{tag}>")

    def _write_structure(self, shape: StructureShape) -> Write:
        members: dict[str, tuple[str, Write]] = {}
        attributes: dict[str, str] = {}
        for name, member in shape.members.items():
            if "location" in member.serialization:
                continue
            if member.serialization.get("xmlAttribute"):
                attributes[name] = str(member.serialization["name"])
            else:
                members[name] = (_response_name(member, name), self.writer(member))
        namespace = _namespace(shape) if attributes else ""

        def write(out: list[str], tag: str, value: Mapping[str, Any]) -> None:
            marks = "".join(
                f' {wire}="{escape(str(value[name]))}"'
                for name, wire in attributes.items()
                if value.get(name) is not None
            )
            out.append(f"<{tag}{namespace}{marks}>")
            # In the model's order: some XML clients read by position, and AWS writes so.
            for name, (wire, write_member) in members.items():
                inner = value.get(name)
                if inner is not None:
                    write_member(out, wire, inner)
            out.append(f"</{tag}>")

        return write

    def _write_list(self, shape: ListShape) -> Write:
        member = self.writer(shape.member)
        if _flattened(shape):

            def write_flat(out: list[str], tag: str, values: list[Any]) -> None:
                for value in values:
                    member(out, tag, value)

            return write_flat
        inner = str(shape.member.serialization.get("name", "member"))

        def write(out: list[str], tag: str, values: list[Any]) -> None:
            out.append(f"<{tag}>")
            for value in values:
                member(out, inner, value)
            out.append(f"</{tag}>")

        return write

    def _write_map(self, shape: MapShape) -> Write:
        key_tag = str(shape.key.serialization.get("name", "key"))
        value_tag = str(shape.value.serialization.get("name", "value"))
        key, value = self.writer(shape.key), self.writer(shape.value)
        flattened = _flattened(shape)

        def write(out: list[str], tag: str, mapping: Mapping[str, Any]) -> None:
            entry = tag if flattened else "entry"
            if not flattened:
                out.append(f"<{tag}>")
            for name, inner in mapping.items():
                out.append(f"<{entry}>")
                key(out, key_tag, name)
                value(out, value_tag, inner)
                out.append(f"</{entry}>")
            if not flattened:
                out.append(f"</{tag}>")

        return write


def _key(shape: Shape) -> tuple[str, ...]:
    traits = shape.serialization
    return shape.name, str(traits.get("timestampFormat")), str(traits.get("flattened")), str(traits.get("xmlNamespace"))


def _flattened(shape: Shape) -> bool:
    return bool(shape.serialization.get("flattened"))


def _response_name(member: Shape, name: str) -> str:
    """The tag of a member. A flattened list goes by the name of its items, if they have one."""
    if isinstance(member, ListShape) and _flattened(member) and "name" in member.member.serialization:
        return str(member.member.serialization["name"])
    return str(member.serialization.get("name", name))


def _wire_names(member: Shape, name: str) -> tuple[str, ...]:
    """The tags by which clients may send a member: they disagree on what a flattened list is called."""
    return str(member.serialization.get("name", name)), _response_name(member, name)


def _namespace(shape: Shape) -> str:
    space = shape.serialization.get("xmlNamespace")
    if not isinstance(space, Mapping):
        return ""
    prefix = f":{space['prefix']}" if space.get("prefix") else ""
    return f' xmlns{prefix}="{space["uri"]}"'


def _read_list(member: Read, *, flattened: bool) -> Read:
    if flattened:
        return lambda nodes: [member([node]) for node in nodes]
    return lambda nodes: [member([child]) for child in nodes[-1]]


def _read_scalar(convert: Callable[[str], Any] | None) -> Read:
    if convert is None:
        return lambda nodes: nodes[-1].text or ""

    def read(nodes: list[Element]) -> Any:
        try:
            return convert(nodes[-1].text or "")
        except ValueError as exc:
            raise malformed() from exc

    return read
