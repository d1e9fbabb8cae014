"""What the cases of `networks.py` do without us: each reads the channel `train`, fits, keeps the model."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from bench.apps.networks import SPECIAL, VOCABULARY, WORDS

Values = Mapping[str, Any]


def blazingtext(train: Path, values: Values, kept: Path) -> None:
    """fastText's skip-grams."""
    import fasttext

    model = fasttext.train_unsupervised(
        str(train / "text"), model="skipgram", ws=5, neg=5, minn=0, maxn=0, verbose=0, **_of_words(values)
    )
    model.save_model(str(kept))
    with kept.with_suffix(".txt").open("w") as file:
        for word in model.get_words():
            file.write(f"{word} {' '.join(map(str, model.get_word_vector(word)))}\n")


def classifier(train: Path, values: Values, kept: Path) -> None:
    """fastText's, measured on what it has learnt, as ours."""
    import fasttext

    more = {"wordNgrams": values["word_ngrams"], "bucket": values["buckets"], "lr": 0.05, "verbose": 0}
    model = fasttext.train_supervised(str(train / "text"), **more, **_of_words(values))
    print(model.test(str(train / "text")))
    model.save_model(str(kept))


def _of_words(values: Values) -> Values:
    return {"dim": values["vector_dim"], "epoch": values["epochs"], "minCount": values["min_count"]}


def lda(train: Path, values: Values, kept: Path) -> None:
    """scikit-learn's."""
    import pickle

    import numpy as np
    import pandas as pd
    from sklearn.decomposition import LatentDirichletAllocation

    rows = pd.read_csv(train / "counts.csv", header=None, dtype=np.float32).to_numpy()
    limits = {"max_iter": values["max_iterations"], "mean_change_tol": values["tol"], "perp_tol": 1e-3}
    model = LatentDirichletAllocation(10, doc_topic_prior=0.1, evaluate_every=5, random_state=0, **limits)
    kept.write_bytes(pickle.dumps(model.fit(rows)))


def ntm(train: Path, values: Values, kept: Path) -> None:
    """A plain loop."""
    import numpy as np
    import pandas as pd
    import torch

    rows = torch.from_numpy(pd.read_csv(train / "counts.csv", header=None, dtype=np.float32).to_numpy())
    network = topics()

    def losses() -> Iterator[Any]:
        for part in torch.randperm(len(rows)).split(values["mini_batch_size"]):
            yield network.losses(rows[part], sampled=True).mean()

    _loop(network, values["epochs"], losses, kept)


def topics() -> Any:
    """A network that knows nothing yet."""
    from sagewright_container.algorithms.topic_network import Network

    return Network(WORDS, 10, [30, 20], "sigmoid", False)


def ipinsights(train: Path, values: Values, kept: Path) -> None:
    """A plain loop."""
    import torch

    entities, addresses = logins(train / "logins.csv")
    network = embeddings(values)
    steps = [torch.optim.SparseAdam([network.entity.weight]), torch.optim.Adam(network.address.parameters())]

    def losses() -> Iterator[Any]:
        for part in torch.randperm(len(entities)).split(values["mini_batch_size"]):
            made, others = torch.randint(0, 1 << 32, (len(part),)), addresses[part][torch.randperm(len(part))]
            one, other = network(entities[part].repeat(3), torch.cat([addresses[part], made, others]))
            true = (torch.arange(3 * len(part)) < len(part)).float()
            yield torch.nn.functional.binary_cross_entropy_with_logits((one * other).sum(1), true)

    _loop(network, values["epochs"], losses, kept, steps)


def logins(source: Any) -> tuple[Any, Any]:
    """Entities' and addresses' numbers, of CSV."""
    import numpy as np
    import pandas as pd
    import torch

    told = pd.read_csv(source, header=None, names=["entity", "address"])
    entities = torch.from_numpy(told["entity"].str.removeprefix("user").astype(int).to_numpy())
    parts = told["address"].str.split(".", expand=True).astype(np.int64).to_numpy()
    return entities, torch.from_numpy(parts @ np.array([1 << 24, 1 << 16, 1 << 8, 1]))


def embeddings(values: Values) -> Any:
    """A network that knows nothing yet."""
    from sagewright_container.algorithms.ip_embeddings import Network

    return Network(values["num_entity_vectors"], values["vector_dim"], 1)


def object2vec(train: Path, values: Values, kept: Path) -> None:
    """A plain loop."""
    import torch
    from torch import nn

    with (train / "pairs.jsonl").open() as file:
        told = [json.loads(line) for line in file]
    pairs = torch.tensor([[each["in0"][0], each["in1"][0]] for each in told])
    labels = torch.tensor([each["label"] for each in told])
    network = encoders(values)

    def losses() -> Iterator[Any]:
        for part in torch.randperm(len(pairs)).split(values["mini_batch_size"]):
            yield nn.functional.mse_loss(scores(network, pairs[part]), labels[part])

    _loop(network, values["epochs"], losses, kept)


def encoders(values: Values) -> Any:
    """A network that knows nothing yet."""
    from torch import nn

    width = values["enc0_token_embedding_dim"]
    one, other = nn.Embedding(VOCABULARY + 1, width), nn.Embedding(VOCABULARY + 1, width)
    mixed = nn.Sequential(nn.Linear(4 * width, values["mlp_dim"]), nn.ReLU(), nn.Linear(values["mlp_dim"], 1))
    return nn.ModuleList([one, other, mixed])


def scores(network: Any, pairs: Any) -> Any:
    """Of each pair of tokens."""
    import torch

    one, other, mixed = network
    first, second = one(pairs[:, 0]), other(pairs[:, 1])
    return mixed(torch.cat([first * second, first, second, (first - second).abs()], 1))[:, 0]


def seq2seq(train: Path, values: Values, kept: Path) -> None:
    """A plain loop."""
    import torch
    from torch import nn

    from sagewright_container import recordio

    records = list(recordio.read((train / "pairs.rec").read_bytes()))
    sources, targets = (
        torch.tensor([[int(word) for word in record.features[side].values] for record in records])
        for side in ("source", "target")
    )
    network = translator(values)

    def losses() -> Iterator[Any]:
        for part in torch.randperm(len(sources)).split(values["batch_size"]):
            edge = torch.ones((len(part), 1), dtype=torch.int64)
            given, wanted = torch.cat([2 * edge, targets[part]], 1), torch.cat([targets[part], 3 * edge], 1)
            yield nn.functional.cross_entropy(network(sources[part], given).flatten(0, 1), wanted.flatten())

    _loop(network, values["max_num_epochs"], losses, kept)


def translator(values: Values) -> Any:
    """A network that knows nothing yet."""
    from sagewright_container.algorithms.seq2seq_network import Network

    settings = {"rnn_cell_type": "lstm", "rnn_decoder_state_init": "last", "num_layers_encoder": 1}
    settings |= {"num_layers_decoder": 1, "rnn_decoder_hidden_dropout": 0.0}
    settings |= {"embed_dropout_source": 0.0, "embed_dropout_target": 0.0}
    words = len(SPECIAL) + 200
    return Network({**settings, **values}, words, words)


def deepar(train: Path, values: Values, kept: Path) -> None:
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
    kept.mkdir(exist_ok=True)
    estimator.train(ListDataset(told, freq="D")).serialize(kept)


FITS: Final[Mapping[str, Callable[[Path, Values, Path], None]]] = {
    "blazingtext": blazingtext,
    "blazingtext-supervised": classifier,
    "lda": lda,
    "ntm": ntm,
    "ipinsights": ipinsights,
    "object2vec": object2vec,
    "seq2seq": seq2seq,
    "forecasting-deepar": deepar,
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
