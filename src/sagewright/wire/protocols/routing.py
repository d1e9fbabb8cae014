"""Method and URI → operation, for the REST protocols: a trie over all operations' http traits.

Where several operations share a method and a path, the one with the most conditions that the request fulfils
wins. Conditions are the literals of the template's query (`?uploads`, `?list-type=2`) and, only where
operations could not be told apart otherwise, their required query and header members (`partNumber`,
`x-amz-copy-source`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Final
from urllib.parse import unquote_plus

from botocore.model import OperationModel, ServiceModel

from sagewright.wire.http import Request

_NONE: Final[Mapping[str, str]] = {}


@dataclass(frozen=True, slots=True)
class _Candidate:
    name: str
    literals: tuple[tuple[str, str], ...]
    queries: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    rank: int = 0
    """Its place among the candidates of its path; the lowest that fits wins."""

    @property
    def unconditional(self) -> bool:
        return not (self.literals or self.queries or self.headers)

    def fits(self, query: Mapping[str, str], headers: Mapping[str, str]) -> bool:
        return (
            all(query.get(name) == value for name, value in self.literals)
            and all(name in query for name in self.queries)
            and all(name in headers for name in self.headers)
        )


@dataclass(slots=True)
class _Candidates:
    """The operations of one method and path, found by a literal that they want, or by none."""

    by_literal: dict[str, list[_Candidate]] = field(default_factory=dict)
    plain: list[_Candidate] = field(default_factory=list)

    only: str | None = None
    """The operation, where whatever else a request says makes no difference."""

    def add(self, candidate: _Candidate) -> None:
        if candidate.literals:
            self.by_literal.setdefault(candidate.literals[0][0], []).append(candidate)
        else:
            self.plain.append(candidate)

    def all(self) -> list[_Candidate]:
        return [*self.plain, *(candidate for row in self.by_literal.values() for candidate in row)]

    def choose(self, query: Mapping[str, str], headers: Mapping[str, str]) -> str | None:
        best: _Candidate | None = None
        for name in query:
            for candidate in self.by_literal.get(name, ()):
                if (best is None or candidate.rank < best.rank) and candidate.fits(query, headers):
                    best = candidate
        if best is not None:
            return best.name
        return next((candidate.name for candidate in self.plain if candidate.fits(query, headers)), None)


@dataclass(slots=True)
class _Node:
    children: dict[str, _Node] = field(default_factory=dict)
    label: _Node | None = None
    greedy: dict[str, _Candidates] = field(default_factory=dict)
    here: dict[str, _Candidates] = field(default_factory=dict)
    """Candidates by method, for a path that ends at this node."""


class Router:
    """The operations of one REST service."""

    def __init__(self, service_model: ServiceModel) -> None:
        self._root = _Node()
        for name in service_model.operation_names:
            self._add(service_model.operation_model(name))
        _finish(self._root, service_model)
        self._candidates = lru_cache(maxsize=1024)(self._find)

    def match(self, request: Request) -> str | None:
        """The operation's name, or None. A trailing slash does not count, save inside a greedy label."""
        found = self._candidates(request.method, request.path)
        if found is None:
            return None
        if found.only is not None:
            return found.only
        return found.choose(query_flags(request.query) if request.query else _NONE, request.headers)

    def _find(self, method: str, path: str) -> _Candidates | None:
        segments = path.split("/")[1:]
        if segments and not segments[-1]:
            segments.pop()
        return _walk(self._root, segments, 0, method)

    def _add(self, operation: OperationModel) -> None:
        path, _, query = str(operation.http["requestUri"]).partition("?")
        node = self._root
        candidate = _Candidate(operation.name, tuple(query_flags(query).items()))
        method = str(operation.http["method"])
        for segment in path.strip("/").split("/"):
            if not segment:
                continue
            if segment.startswith("{") and segment.endswith("+}"):
                node.greedy.setdefault(method, _Candidates()).add(candidate)
                return
            if segment.startswith("{"):
                node.label = node.label or _Node()
                node = node.label
            else:
                node = node.children.setdefault(segment, _Node())
        node.here.setdefault(method, _Candidates()).add(candidate)


def query_flags(query: str) -> dict[str, str]:
    """Decoded query parameters, the first of a repeated name. Without `x-id`, a mere hint of the SDKs."""
    flags: dict[str, str] = {}
    for pair in query.split("&"):
        if pair:
            name, _, value = pair.partition("=")
            flags.setdefault(unquote_plus(name), unquote_plus(value))
    flags.pop("x-id", None)
    return flags


def _walk(node: _Node, segments: list[str], depth: int, method: str) -> _Candidates | None:
    """The candidates of the most specific template: literal before label before greedy label."""
    if depth == len(segments):
        return node.here.get(method)
    segment = segments[depth]
    child = node.children.get(segment)
    if child is not None and (found := _walk(child, segments, depth + 1, method)):
        return found
    if node.label is not None and segment and (found := _walk(node.label, segments, depth + 1, method)):
        return found
    return node.greedy.get(method)


def _finish(node: _Node, service_model: ServiceModel) -> None:
    for candidates in (*node.here.values(), *node.greedy.values()):
        ordered = _ordered(candidates.all(), service_model)
        candidates.by_literal.clear()
        candidates.plain.clear()
        for place, candidate in enumerate(ordered):
            candidates.add(replace(candidate, rank=place))
        if len(ordered) == 1 and ordered[0].unconditional:
            candidates.only = ordered[0].name
    for child in node.children.values():
        _finish(child, service_model)
    if node.label is not None:
        _finish(node.label, service_model)


def _ordered(candidates: list[_Candidate], service_model: ServiceModel) -> list[_Candidate]:
    """Most conditions first; deprecated twins (GetBucketLifecycle) and equals by name come last."""
    literals = [candidate.literals for candidate in candidates]
    refined = [
        _refine(candidate, service_model) if literals.count(candidate.literals) > 1 else candidate
        for candidate in candidates
    ]

    def rank(candidate: _Candidate) -> tuple[Any, ...]:
        conditions = len(candidate.queries) + len(candidate.headers)
        deprecated = service_model.operation_model(candidate.name).deprecated
        return -len(candidate.literals), -conditions, deprecated, candidate.name

    return sorted(refined, key=rank)


def _refine(candidate: _Candidate, service_model: ServiceModel) -> _Candidate:
    shape = service_model.operation_model(candidate.name).input_shape
    if shape is None:
        return candidate
    required: dict[str, list[str]] = {"querystring": [], "header": []}
    for name in shape.required_members:
        traits = shape.members[name].serialization
        if (location := traits.get("location")) in required:
            required[location].append(str(traits.get("name", name)))
    return _Candidate(
        candidate.name,
        candidate.literals,
        tuple(required["querystring"]),
        tuple(header.lower() for header in required["header"]),
    )
