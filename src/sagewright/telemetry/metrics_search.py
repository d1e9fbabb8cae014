"""SEARCH's language: which metrics a search expression means. Pure.

    {Namespace, Dimension, Dimension} MetricName="Invocations" (EndpointName=a OR EndpointName=b) NOT test

In braces stand a namespace and the exact set of dimensions. Terms beside each other must all hold. A term with `=` is
about one property; one without may hold for any of them. Quoted terms mean the whole value, others a part of its words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from sagewright.telemetry.metrics import Metric
from sagewright.telemetry.metrics_expression import MathError

Wanted = Callable[[Metric], bool]
_SCHEMA: Final = re.compile(r"\s*\{([^}]*)\}")
_TERM: Final = re.compile(
    r"\s*(?:(?P<sign>[()])|(?P<property>\"[^\"]+\"|[\w.:/-]+)=(?P<value>\"[^\"]*\"|[^\s()\"]+)"
    r"|(?P<quoted>\"[^\"]*\")|(?P<word>[^\s()\"]+))"
)
_DEEPEST: Final = 20


def parse(text: str) -> tuple[str | None, Wanted]:
    """The namespace that the search is bound to, if any, and the test of a metric. Raises MathError."""
    namespace, schema, rest = _schema(text)
    terms = _Terms(rest)
    wanted = terms.either() if terms.tokens else _always
    if terms.at < len(terms.tokens):
        raise MathError(f"Search expression {text!r} has a parenthesis too many.")
    return namespace or terms.namespace, lambda metric: schema(metric) and wanted(metric)


def _always(_metric: Metric) -> bool:
    return True


def _schema(text: str) -> tuple[str | None, Wanted, str]:
    found = _SCHEMA.match(text)
    if found is None:
        if text.lstrip().startswith("{"):
            raise MathError(f"Search expression {text!r} lacks a closing brace.")
        return None, _always, text
    names = [part.strip().strip('"') for part in found[1].split(",")]
    if not names[0]:
        raise MathError(f"Search expression {text!r} names no namespace in its braces.")
    namespace, dimensions = names[0], set(names[1:])
    return namespace, lambda m: m.namespace == namespace and set(m.dimensions) == dimensions, text[found.end() :]


class _Terms:
    def __init__(self, text: str) -> None:
        self.tokens: list[Mapping[str, str | None]] = []
        self.at = 0
        self.namespace: str | None = None
        self._depth = 0
        position, end = 0, len(text.rstrip())
        while position < end:
            found = _TERM.match(text, position)
            if found is None:
                raise MathError(f"Search expression {text!r} cannot be read at {text[position:].strip()[:10]!r}.")
            self.tokens.append(found.groupdict())
            position = found.end()

    def _word(self, word: str) -> bool:
        if self.at < len(self.tokens) and self.tokens[self.at]["word"] == word:
            self.at += 1
            return True
        return False

    def either(self) -> Wanted:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise MathError("The search expression is nested too deeply.")
        choices = [self._all()]
        while self._word("OR"):
            choices.append(self._all())
        self._depth -= 1
        # A namespace that only some of the choices ask for binds nothing.
        if len(choices) > 1:
            self.namespace = None
        return lambda metric: any(choice(metric) for choice in choices)

    def _all(self) -> Wanted:
        parts = [self._one()]
        while self.at < len(self.tokens) and self.tokens[self.at]["sign"] != ")":
            if self.tokens[self.at]["word"] == "OR":
                break
            self._word("AND")
            parts.append(self._one())
        return lambda metric: all(part(metric) for part in parts)

    def _one(self) -> Wanted:
        if self._word("NOT"):
            namespace = self.namespace
            unwanted = self._one()
            self.namespace = namespace
            return lambda metric: not unwanted(metric)
        if self.at >= len(self.tokens):
            raise MathError("The search expression ends where a term is expected.")
        token = self.tokens[self.at]
        self.at += 1
        if token["sign"] == "(":
            inner = self.either()
            if self.at >= len(self.tokens) or self.tokens[self.at]["sign"] != ")":
                raise MathError("The search expression lacks a closing parenthesis.")
            self.at += 1
            return inner
        if token["property"] and token["value"]:
            return self._about(token["property"].strip('"'), token["value"])
        text = token["quoted"] or token["word"]
        if text is None:
            raise MathError("The search expression has a parenthesis where a term is expected.")
        fits = _fits(text)
        return lambda metric: any(fits(value) for value in _texts(metric))

    def _about(self, name: str, value: str) -> Wanted:
        fits = _fits(value)
        if name == "Namespace":
            if value.startswith('"'):
                self.namespace = value.strip('"')
            return lambda metric: fits(metric.namespace)
        if name == "MetricName":
            return lambda metric: fits(metric.name)
        return lambda metric: name in metric.dimensions and fits(metric.dimensions[name])


def _fits(text: str) -> Callable[[str], bool]:
    if text.startswith('"'):
        whole = text.strip('"')
        return lambda value: value == whole
    wanted = _words(text)
    return lambda value: _within(wanted, _words(value))


def _words(text: str) -> Sequence[str]:
    """A name's words, in lower case: they end at signs, and where a capitalised word begins."""
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", text)
    return [word.lower() for word in re.split(r"[\W_]+", split) if word]


def _within(wanted: Sequence[str], words: Sequence[str]) -> bool:
    """Whether the wanted words stand beside each other, or make up one when written together."""
    size = len(wanted)
    if any(list(words[at : at + size]) == list(wanted) for at in range(len(words) - size + 1)):
        return True
    return "".join(wanted) in ("".join(words), *words)


def _texts(metric: Metric) -> Sequence[str]:
    return [metric.namespace, metric.name, *metric.dimensions, *metric.dimensions.values()]
