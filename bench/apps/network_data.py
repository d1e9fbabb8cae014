"""What the cases of `networks.py` learn from, and what their models are asked about: the same each time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from bench.apps.networks import CASES, ENTITIES, LABEL, LENGTH, PHRASE, SPECIAL, VOCABULARY, WORDS

_STEPS: Final = 100  # of a series
_TRANSLATED: Final = 200  # words of either language

Channels = Mapping[str, Path]


def make(name: str, folder: Path, rows: int) -> None:
    """The files of the channels, and `asked`."""
    channels = {channel: folder / "channels" / channel for channel in CASES[name].channels}
    for path in channels.values():
        path.mkdir(parents=True)
    learnt, asked = _MAKERS[name]
    learnt(channels, rows, np.random.default_rng(0))
    _write(folder / "asked", asked(CASES[name].asked.lines(rows), np.random.default_rng(1)))


def _write(path: Path, lines: Iterable[str]) -> None:
    with path.open("w") as file:
        file.writelines(f"{line}\n" for line in lines)


def _texts(rows: int, random: Any) -> Iterator[str]:
    words = random.zipf(1.3, (rows, LENGTH)) % VOCABULARY
    for row in words.tolist():
        yield " ".join(f"w{word}" for word in row)


def _sentences(channels: Channels, rows: int, random: Any) -> None:
    _write(channels["train"] / "text", _texts(rows, random))


def _asked_words(rows: int, random: Any) -> Iterator[str]:
    for word in random.integers(VOCABULARY, size=rows).tolist():
        yield json.dumps({"source": f"w{word}"})


def _labelled(channels: Channels, rows: int, random: Any) -> None:
    """The label is one of four that the first word tells."""
    texts = _texts(rows, random)
    _write(channels["train"] / "text", (f"{LABEL}{int(text[1 : text.index(' ')]) % 4} {text}" for text in texts))


def _asked_texts(rows: int, random: Any) -> Iterator[str]:
    for text in _texts(rows, random):
        yield json.dumps({"source": text})


def _documents(rows: int, random: Any) -> Iterator[str]:
    topics = random.dirichlet([0.1] * WORDS, 10)
    for start in range(0, rows, 10_000):
        shares = random.dirichlet([0.1] * 10, min(10_000, rows - start))
        for row in random.poisson(30 * shares @ topics).tolist():
            yield ",".join(map(str, row))


def _counts(channels: Channels, rows: int, random: Any) -> None:
    _write(channels["train"] / "counts.csv", _documents(rows, random))


def _pairs(rows: int, random: Any) -> Iterator[str]:
    entities = random.integers(ENTITIES, size=rows)
    last = random.integers(256, size=(rows, 2))
    for entity, (third, fourth) in zip(entities.tolist(), last.tolist(), strict=True):
        yield f"user{entity},{entity % 223 + 1}.{entity * 7 % 256}.{third}.{fourth}"


def _logins(channels: Channels, rows: int, random: Any) -> None:
    _write(channels["train"] / "logins.csv", _pairs(rows, random))


def _rated(rows: int, random: Any, *, labels: bool) -> Iterator[str]:
    for one, other in random.integers(VOCABULARY, size=(rows, 2)).tolist():
        label = {"label": (one * other) % 5 + 0.5} if labels else {}
        yield json.dumps({"in0": [one], "in1": [other], **label})


def _ratings(channels: Channels, rows: int, random: Any) -> None:
    _write(channels["train"] / "pairs.jsonl", _rated(rows, random, labels=True))


def _asked_ratings(rows: int, random: Any) -> Iterator[str]:
    return _rated(rows, random, labels=False)


def _translations(channels: Channels, rows: int, random: Any) -> None:
    from sagewright_container import recordio

    words = {word: number for number, word in enumerate([*SPECIAL, *(f"w{number}" for number in range(_TRANSLATED))])}
    for channel, count in (("train", rows), ("validation", 250)):
        sentences = random.integers(len(SPECIAL), len(words), size=(count, PHRASE)).tolist()
        records = ({"source": sentence, "target": sentence[::-1]} for sentence in sentences)
        (channels[channel] / "pairs.rec").write_bytes(recordio.write_integers(records))
    for side in ("src", "trg"):
        (channels["vocab"] / f"vocab.{side}.json").write_text(json.dumps(words))


def _asked_translations(rows: int, random: Any) -> Iterator[str]:
    for sentence in random.integers(_TRANSLATED, size=(rows, PHRASE)).tolist():
        yield json.dumps({"data": " ".join(f"w{word}" for word in sentence)})


def _waves(rows: int, random: Any) -> Iterator[str]:
    for _ in range(rows):
        target = 10 + 3 * np.sin(np.arange(_STEPS) / 3.5) + random.normal(size=_STEPS)
        yield json.dumps({"start": "2024-01-01 00:00:00", "target": target.round(3).tolist()})


def _series(channels: Channels, rows: int, random: Any) -> None:
    """`rows` are observations."""
    _write(channels["train"] / "series.json", _waves(max(1, rows // _STEPS), random))


_MAKERS: Final[Mapping[str, tuple[Callable[[Channels, int, Any], None], Callable[[int, Any], Iterable[str]]]]] = {
    "blazingtext": (_sentences, _asked_words),
    "blazingtext-supervised": (_labelled, _asked_texts),
    "lda": (_counts, _documents),
    "ntm": (_counts, _documents),
    "ipinsights": (_logins, _pairs),
    "object2vec": (_ratings, _asked_ratings),
    "seq2seq": (_translations, _asked_translations),
    "forecasting-deepar": (_series, _waves),
}
