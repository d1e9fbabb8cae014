"""Words, series and pairs as scripts learn from them, each a process of its own: `networks.py WHAT NAME FOLDER …`.

make NAME FOLDER ROWS       the channels of a training job, a folder of FOLDER/channels each, and lines to ask about
train NAME FOLDER           read the channel `train`, fit, keep the model (`network_fits.py`)
predict NAME FOLDER         read the lines to ask about, write what the model says of them (`network_answers.py`)
rate NAME FOLDER SECONDS    as many of them as a request has, text to text, again and again: prints lines a second

What no library has is a plain loop of PyTorch around the network that the toolkit has too: the same sums, and nothing
else.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

WORDS: Final = 100
VOCABULARY: Final = 5000
ENTITIES: Final = 10_000
LENGTH: Final = 10  # of texts
PHRASE: Final = 5  # words of what is translated
SPECIAL: Final = ("<pad>", "<unk>", "<s>", "</s>")
LABEL: Final = "__label__"

_CSV: Final = "text/csv"
_COUNTS: Final = {"train": "text/csv;label_size=0"}
_JSON: Final = "application/json"
_LINES: Final = "application/jsonlines"
_RECORDS: Final = "application/x-recordio-protobuf"


FULL: Final = 10_000
"""The fewest rows of a measurement that is not quick."""


class Asked(NamedTuple):
    """What a model is asked: its lines' form and its answers', lines a request, and lines that are batch-scored."""

    given: str = _LINES
    wanted: str = _LINES
    request: int = 1000
    scored: int = 100_000

    def lines(self, rows: int) -> int:
        """What a model of so many rows scores: a quick one, of few, not many."""
        return self.scored if rows >= FULL else max(self.request, self.scored // 50)


class Case(NamedTuple):
    """An algorithm's environment, its hyperparameters, its channels with their content types, and what it is asked."""

    environment: str
    hyperparameters: Mapping[str, object]
    channels: Mapping[str, str]
    asked: Asked = Asked()
    image: str = ""
    """Where it is not the case's name."""


_WORDS: Final = {"epochs": 1, "vector_dim": 50, "min_count": 5}

# Add an algorithm here, what makes its channels in `network_data.py`, and what does the same without it in the others.
CASES: Final[Mapping[str, Case]] = {
    "blazingtext": Case(
        "blazingtext",
        {"mode": "skipgram", "window_size": 5, "negative_samples": 5, **_WORDS},
        {"train": "text/plain"},
    ),
    "blazingtext-supervised": Case(
        "blazingtext",
        {"mode": "supervised", "word_ngrams": 2, "buckets": 200_000, **_WORDS},
        {"train": "text/plain"},
        image="blazingtext",
    ),
    "lda": Case(
        "scikit-learn",
        {"num_topics": 10, "feature_dim": WORDS, "alpha0": 1.0, "max_iterations": 1, "tol": 1.0},
        _COUNTS,
        Asked(_CSV, _CSV, scored=10_000),
    ),
    "ntm": Case(
        "pytorch",
        {"num_topics": 10, "feature_dim": WORDS, "epochs": 1, "optimizer": "adam", "mini_batch_size": 500},
        _COUNTS,
        Asked(_CSV, _CSV),
    ),
    "ipinsights": Case(
        "pytorch",
        {"num_entity_vectors": 2 * ENTITIES, "vector_dim": 32, "epochs": 1, "mini_batch_size": 5000},
        {"train": _CSV},
        Asked(_CSV),
    ),
    "object2vec": Case(
        "pytorch",
        {"enc0_max_seq_len": 1, "enc1_max_seq_len": 1, "enc0_vocab_size": VOCABULARY, "enc1_vocab_size": VOCABULARY}
        | {"enc0_network": "pooled_embedding", "enc0_token_embedding_dim": 16, "enc_dim": 16, "mlp_dim": 64}
        | {"mlp_layers": 1, "mlp_activation": "relu", "epochs": 1, "mini_batch_size": 1000}
        | {"output_layer": "mean_squared_error"},
        {"train": _LINES},
    ),
    "seq2seq": Case(
        "pytorch",
        {"rnn_num_hidden": 32, "num_embed_source": 16, "num_embed_target": 16, "batch_size": 1000}
        | {"rnn_attention_type": "dot", "max_num_epochs": 1, "learning_rate": 0.001, "max_seq_len_source": PHRASE}
        | {"max_seq_len_target": PHRASE, "checkpoint_frequency_num_batches": 1_000_000},
        {"train": _RECORDS, "validation": _RECORDS, "vocab": _JSON},
        Asked(request=10, scored=500),
    ),
    "forecasting-deepar": Case(
        "deepar",
        {"prediction_length": 12, "context_length": 24, "time_freq": "D", "epochs": 1, "num_cells": 40},
        {"train": _JSON},
        Asked(request=10, scored=1000),
    ),
}


def main(what: str, name: str, folder: Path, *more: str) -> None:
    """See the module."""
    from bench.apps import network_answers, network_data, network_fits

    case, kept = CASES[name], folder / "plain"
    if what == "make":
        network_data.make(name, folder, int(more[0]))
    elif what == "train":
        network_fits.FITS[name](folder / "channels" / "train", case.hyperparameters, kept)
    elif what == "predict":
        answers = network_answers.LOADS[name](kept, case.hyperparameters)
        (folder / "plain.out").write_text(answers((folder / "asked").read_text()))
    else:
        answers = network_answers.LOADS[name](kept, case.hyperparameters)
        with (folder / "asked").open() as file:
            body = "".join(next(file) for _ in range(case.asked.request))
        answers(body)  # what is loaded at the first is no part of a rate
        done, begun = 0, time.perf_counter()
        while time.perf_counter() - begun < float(more[0]) or done < 2:
            answers(body)
            done += 1
        print(done * case.asked.request / (time.perf_counter() - begun))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), *sys.argv[4:])
