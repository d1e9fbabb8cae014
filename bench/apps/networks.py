"""Words, series and pairs as scripts learn from them, each a process of its own.

`networks.py {make|train} NAME FOLDER …`:

make NAME FOLDER ROWS     the channels of a training job, a folder of FOLDER/channels each
train NAME FOLDER         read the channel `train`, fit, keep the model

What no library has is a plain loop of PyTorch around the network that the toolkit has too: the same sums, and nothing
else.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

WORDS: Final = 100
_VOCABULARY: Final = 5000
_ENTITIES: Final = 10_000
_LENGTH: Final = 10  # of sentences
_STEPS: Final = 100  # of a series
_SPECIAL: Final = ("<pad>", "<unk>", "<s>", "</s>")


class Case(NamedTuple):
    """An algorithm's environment, its hyperparameters, and its channels with their content types."""

    environment: str
    hyperparameters: Mapping[str, object]
    channels: Mapping[str, str]


_COUNTS: Final = {"train": "text/csv;label_size=0"}
_JSON: Final = "application/json"
_RECORDS: Final = "application/x-recordio-protobuf"

# Add an algorithm here, a function that makes its channels, and one that does the same without it.
CASES: Final[Mapping[str, Case]] = {
    "blazingtext": Case(
        "blazingtext",
        {"mode": "skipgram", "epochs": 2, "vector_dim": 50, "min_count": 5, "window_size": 5, "negative_samples": 5},
        {"train": "text/plain"},
    ),
    "lda": Case("scikit-learn", {"num_topics": 10, "feature_dim": WORDS, "alpha0": 1.0, "max_iterations": 5}, _COUNTS),
    "ntm": Case(
        "pytorch",
        {"num_topics": 10, "feature_dim": WORDS, "epochs": 3, "optimizer": "adam", "mini_batch_size": 500},
        _COUNTS,
    ),
    "ipinsights": Case(
        "pytorch",
        {"num_entity_vectors": 2 * _ENTITIES, "vector_dim": 32, "epochs": 3, "mini_batch_size": 5000},
        {"train": "text/csv"},
    ),
    "object2vec": Case(
        "pytorch",
        {"enc0_max_seq_len": 1, "enc1_max_seq_len": 1, "enc0_vocab_size": _VOCABULARY, "enc1_vocab_size": _VOCABULARY}
        | {"enc0_network": "pooled_embedding", "enc0_token_embedding_dim": 16, "enc_dim": 16, "mlp_dim": 64}
        | {"mlp_layers": 1, "mlp_activation": "relu", "epochs": 2, "mini_batch_size": 1000}
        | {"output_layer": "mean_squared_error"},
        {"train": "application/jsonlines"},
    ),
    "seq2seq": Case(
        "pytorch",
        {"rnn_num_hidden": 64, "num_embed_source": 32, "num_embed_target": 32, "batch_size": 250}
        | {"rnn_attention_type": "dot", "max_num_epochs": 1, "max_seq_len_source": _LENGTH}
        | {"max_seq_len_target": _LENGTH, "checkpoint_frequency_num_batches": 1_000_000},
        {"train": _RECORDS, "validation": _RECORDS, "vocab": _JSON},
    ),
    "forecasting-deepar": Case(
        "deepar",
        {"prediction_length": 12, "context_length": 24, "time_freq": "D", "epochs": 2, "num_cells": 40},
        {"train": _JSON},
    ),
    "pytorch-tabtransformerregression-model": Case(
        "pytorch", {"n_epochs": 1, "batch_size": 1000, "n_blocks": 2, "input_dim": 16}, {"train": "text/csv"}
    ),
}


def make(name: str, folder: Path, rows: int) -> None:
    """The files of the channels; the same ones each time."""
    import numpy as np

    channels = {channel: folder / "channels" / channel for channel in CASES[name].channels}
    for path in channels.values():
        path.mkdir(parents=True)
    _MAKERS[name](channels, rows, np.random.default_rng(0))


def _sentences(channels: Mapping[str, Path], rows: int, random: Any) -> None:
    words = random.zipf(1.3, (rows, _LENGTH)) % _VOCABULARY
    (channels["train"] / "text").write_text("".join(" ".join(f"w{word}" for word in row) + "\n" for row in words))


def _counts(channels: Mapping[str, Path], rows: int, random: Any) -> None:
    import pandas as pd

    topics = random.dirichlet([0.1] * WORDS, 10)
    shares = random.dirichlet([0.1] * 10, rows)
    pd.DataFrame(random.poisson(30 * shares @ topics)).to_csv(
        channels["train"] / "counts.csv", header=False, index=False
    )


def _logins(channels: Mapping[str, Path], rows: int, random: Any) -> None:
    entities = random.integers(_ENTITIES, size=rows)
    last = random.integers(256, size=(rows, 2))
    with (channels["train"] / "logins.csv").open("w") as file:
        for entity, (third, fourth) in zip(entities.tolist(), last.tolist(), strict=True):
            file.write(f"user{entity},{entity % 223 + 1}.{entity * 7 % 256}.{third}.{fourth}\n")


def _ratings(channels: Mapping[str, Path], rows: int, random: Any) -> None:
    pairs = random.integers(_VOCABULARY, size=(rows, 2))
    with (channels["train"] / "pairs.jsonl").open("w") as file:
        for one, other in pairs.tolist():
            file.write(json.dumps({"in0": [one], "in1": [other], "label": (one * other) % 5 + 0.5}) + "\n")


def _translations(channels: Mapping[str, Path], rows: int, random: Any) -> None:
    from sagewright_container import recordio

    words = {word: number for number, word in enumerate([*_SPECIAL, *(f"w{number}" for number in range(200))])}
    for channel, count in (("train", rows), ("validation", 250)):
        sentences = random.integers(len(_SPECIAL), len(words), size=(count, _LENGTH)).tolist()
        records = [{"source": sentence, "target": sentence[::-1]} for sentence in sentences]
        (channels[channel] / "pairs.rec").write_bytes(recordio.write_integers(records))
    for side in ("src", "trg"):
        (channels["vocab"] / f"vocab.{side}.json").write_text(json.dumps(words))


def _series(channels: Mapping[str, Path], rows: int, random: Any) -> None:
    """`rows` are observations."""
    import numpy as np

    with (channels["train"] / "series.json").open("w") as file:
        for _ in range(max(1, rows // _STEPS)):
            target = 10 + 3 * np.sin(np.arange(_STEPS) / 3.5) + random.normal(size=_STEPS)
            file.write(json.dumps({"start": "2024-01-01 00:00:00", "target": target.round(3).tolist()}) + "\n")


def _people(channels: Mapping[str, Path], rows: int, random: Any) -> None:
    import pandas as pd

    numbers, groups = random.normal(size=(rows, 6)).round(4), random.integers(8, size=(rows, 4))
    label = (numbers[:, 0] * 2 + groups[:, 0]).round(3)
    columns = {"label": label, **{f"n{at}": numbers[:, at] for at in range(6)}}
    columns |= {f"c{at}": [f"g{group}" for group in groups[:, at]] for at in range(4)}
    pd.DataFrame(columns).to_csv(channels["train"] / "rows.csv", header=False, index=False)
    (channels["train"] / "categorical_index.json").write_text('{"cat_index_list": [7, 8, 9, 10]}')


_MAKERS: Final[Mapping[str, Callable[[Mapping[str, Path], int, Any], None]]] = {
    "blazingtext": _sentences,
    "lda": _counts,
    "ntm": _counts,
    "ipinsights": _logins,
    "object2vec": _ratings,
    "seq2seq": _translations,
    "forecasting-deepar": _series,
    "pytorch-tabtransformerregression-model": _people,
}


def blazingtext(train: Path, values: Mapping[str, Any], kept: Path) -> None:
    """fastText's skip-grams."""
    import fasttext

    options = {"dim": values["vector_dim"], "epoch": values["epochs"], "minCount": values["min_count"]}
    model = fasttext.train_unsupervised(
        str(train / "text"), model="skipgram", ws=5, neg=5, minn=0, maxn=0, verbose=0, **options
    )
    model.save_model(str(kept))
    with kept.with_suffix(".txt").open("w") as file:
        for word in model.get_words():
            file.write(f"{word} {' '.join(map(str, model.get_word_vector(word)))}\n")


def lda(train: Path, values: Mapping[str, Any], kept: Path) -> None:
    """scikit-learn's."""
    import pickle

    import numpy as np
    import pandas as pd
    from sklearn.decomposition import LatentDirichletAllocation

    rows = pd.read_csv(train / "counts.csv", header=None, dtype=np.float32).to_numpy()
    model = LatentDirichletAllocation(
        10, doc_topic_prior=0.1, max_iter=values["max_iterations"], perp_tol=1e-3, evaluate_every=5, random_state=0
    )
    kept.write_bytes(pickle.dumps(model.fit(rows)))


def ntm(train: Path, values: Mapping[str, Any], kept: Path) -> None:
    """A plain loop."""
    import numpy as np
    import pandas as pd
    import torch

    from sagewright_container.algorithms.topic_network import Network

    rows = torch.from_numpy(pd.read_csv(train / "counts.csv", header=None, dtype=np.float32).to_numpy())
    network = Network(WORDS, 10, [30, 20], "sigmoid", False)

    def losses() -> Iterator[Any]:
        for part in torch.randperm(len(rows)).split(values["mini_batch_size"]):
            yield network.losses(rows[part], sampled=True).mean()

    _loop(network, values["epochs"], losses, kept)


def ipinsights(train: Path, values: Mapping[str, Any], kept: Path) -> None:
    """A plain loop."""
    import numpy as np
    import pandas as pd
    import torch

    from sagewright_container.algorithms.ip_embeddings import Network

    told = pd.read_csv(train / "logins.csv", header=None, names=["entity", "address"])
    entities = torch.from_numpy(told["entity"].str.removeprefix("user").astype(int).to_numpy())
    parts = told["address"].str.split(".", expand=True).astype(np.int64).to_numpy()
    addresses = torch.from_numpy(parts @ np.array([1 << 24, 1 << 16, 1 << 8, 1]))
    network = Network(values["num_entity_vectors"], values["vector_dim"], 1)
    steps = [torch.optim.SparseAdam([network.entity.weight]), torch.optim.Adam(network.address.parameters())]

    def losses() -> Iterator[Any]:
        for part in torch.randperm(len(entities)).split(values["mini_batch_size"]):
            made, others = torch.randint(0, 1 << 32, (len(part),)), addresses[part][torch.randperm(len(part))]
            one, other = network(entities[part].repeat(3), torch.cat([addresses[part], made, others]))
            true = (torch.arange(3 * len(part)) < len(part)).float()
            yield torch.nn.functional.binary_cross_entropy_with_logits((one * other).sum(1), true)

    _loop(network, values["epochs"], losses, kept, steps)


def object2vec(train: Path, values: Mapping[str, Any], kept: Path) -> None:
    """A plain loop."""
    import torch
    from torch import nn

    with (train / "pairs.jsonl").open() as file:
        told = [json.loads(line) for line in file]
    pairs = torch.tensor([[each["in0"][0], each["in1"][0]] for each in told])
    labels = torch.tensor([each["label"] for each in told])
    width = values["enc0_token_embedding_dim"]
    one, other = nn.Embedding(_VOCABULARY + 1, width), nn.Embedding(_VOCABULARY + 1, width)
    mixed = nn.Sequential(nn.Linear(4 * width, values["mlp_dim"]), nn.ReLU(), nn.Linear(values["mlp_dim"], 1))

    def losses() -> Iterator[Any]:
        for part in torch.randperm(len(pairs)).split(values["mini_batch_size"]):
            first, second = one(pairs[part, 0]), other(pairs[part, 1])
            scores = mixed(torch.cat([first * second, first, second, (first - second).abs()], 1))
            yield nn.functional.mse_loss(scores[:, 0], labels[part])

    _loop(nn.ModuleList([one, other, mixed]), values["epochs"], losses, kept)


def seq2seq(train: Path, values: Mapping[str, Any], kept: Path) -> None:
    """A plain loop."""
    import torch
    from torch import nn

    from sagewright_container import recordio
    from sagewright_container.algorithms.seq2seq_network import Network

    records = list(recordio.read((train / "pairs.rec").read_bytes()))
    sources, targets = (
        torch.tensor([[int(word) for word in record.features[side].values] for record in records])
        for side in ("source", "target")
    )
    settings = {"rnn_cell_type": "lstm", "rnn_decoder_state_init": "last", "num_layers_encoder": 1}
    settings |= {"num_layers_decoder": 1, "rnn_decoder_hidden_dropout": 0.0}
    settings |= {"embed_dropout_source": 0.0, "embed_dropout_target": 0.0}
    words = len(_SPECIAL) + 200
    network = Network({**settings, **values}, words, words)

    def losses() -> Iterator[Any]:
        for part in torch.randperm(len(sources)).split(values["batch_size"]):
            edge = torch.ones((len(part), 1), dtype=torch.int64)
            given, wanted = torch.cat([2 * edge, targets[part]], 1), torch.cat([targets[part], 3 * edge], 1)
            yield nn.functional.cross_entropy(network(sources[part], given).flatten(0, 1), wanted.flatten())

    _loop(network, values["max_num_epochs"], losses, kept)


def deepar(train: Path, values: Mapping[str, Any], kept: Path) -> None:
    """GluonTS."""
    from gluonts.dataset.common import ListDataset
    from gluonts.torch.model.deepar import DeepAREstimator

    from sagewright_container.algorithms.deepar import epoch_batches

    with (train / "series.json").open() as file:
        told = [json.loads(line) for line in file]
    lengths = {name: values[name] for name in ("prediction_length", "context_length")}
    trainer = {"max_epochs": values["epochs"], "default_root_dir": str(kept.parent), "logger": False}
    estimator = DeepAREstimator(
        freq="D",
        **lengths,
        hidden_size=values["num_cells"],
        batch_size=128,
        num_batches_per_epoch=epoch_batches(
            {"mini_batch_size": 128, **values}, sum(len(each["target"]) for each in told)
        ),
        trainer_kwargs={**trainer, "enable_progress_bar": False, "enable_model_summary": False},
    )
    kept.mkdir()
    estimator.train(ListDataset(told, freq="D")).serialize(kept)


def tabtransformer(train: Path, values: Mapping[str, Any], kept: Path) -> None:
    """A plain loop, with a fifth held back to be measured, as ours."""
    import numpy as np
    import pandas as pd
    import torch
    from torch import nn

    from sagewright_container.algorithms.tabtransformer_network import Shape, TabTransformer

    told = pd.read_csv(train / "rows.csv", header=None)
    for column in range(7, 11):
        told[column] = told[column].astype("category").cat.codes
    rows = torch.from_numpy(told.to_numpy(np.float32))
    held = len(rows) // 5
    label, features = rows[held:, 0], rows[held:, 1:]
    network = TabTransformer(
        Shape(10, dict.fromkeys(range(6, 10), 8), 1, values["input_dim"], values["n_blocks"], 0.2, 0.1, 0.25)
    )
    network.fit_scales(features, label)

    def losses() -> Iterator[Any]:
        network.train()
        for part in torch.randperm(len(features)).split(values["batch_size"]):
            wanted = (label[part] - network.target[0]) / network.target[1]
            yield nn.functional.mse_loss(network(features[part])[:, 0], wanted)
        network.eval()
        with torch.inference_mode():
            for part in rows[:held, 1:].split(4096):
                network(part)

    _loop(network, values["n_epochs"], losses, kept)


_SCRIPTS: Final[Mapping[str, Callable[[Path, Mapping[str, Any], Path], None]]] = {
    "blazingtext": blazingtext,
    "lda": lda,
    "ntm": ntm,
    "ipinsights": ipinsights,
    "object2vec": object2vec,
    "seq2seq": seq2seq,
    "forecasting-deepar": deepar,
    "pytorch-tabtransformerregression-model": tabtransformer,
}


def _loop(network: Any, epochs: int, losses: Callable[[], Iterator[Any]], kept: Path, steps: Any = None) -> None:
    import torch

    optimizers = steps or [torch.optim.Adam(network.parameters())]
    for _ in range(epochs):
        for loss in losses():
            for optimizer in optimizers:
                optimizer.zero_grad()
            loss.backward()
            for optimizer in optimizers:
                optimizer.step()
    torch.save(network.state_dict(), kept)


if __name__ == "__main__":
    what, name, *more = sys.argv[1:]
    if what == "make":
        make(name, Path(more[0]), int(more[1]))
    else:
        _SCRIPTS[name](Path(more[0]) / "channels" / "train", CASES[name].hyperparameters, Path(more[0]) / "plain")
