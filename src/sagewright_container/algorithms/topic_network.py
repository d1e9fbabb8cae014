"""The network of the Neural Topic Model: a document's counts → shares of topics → the words that they expect.

The encoder gives a normal distribution for each topic's weight; their softmax are the topics' shares in the document
("Gaussian softmax": Miao et al., "Discovering Discrete Latent Topics with Neural Variational Inference", 2017). A topic
is a distribution over the vocabulary, and a document's words come from the topics by their shares. The loss is that of
a document in nats: the negative log likelihood of its words, and the Kullback-Leibler divergence of its distribution
from the standard normal one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sagewright_container.algorithms.errors import ClientError

_ACTIVATIONS = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "relu": nn.ReLU}
_TINY = 1e-10  # a probability below which none falls
_TOP = 10  # words by which a topic is told
_ALL_AT_ONCE = 1 << 22  # numbers of rows that are asked for together


class Network(nn.Module):  # type: ignore[misc]
    """Encoder and topics."""

    def __init__(self, width: int, topics: int, layers: Sequence[int], activation: str, normalize: bool) -> None:
        super().__init__()
        self.made_of = (width, topics, list(layers), activation, normalize)
        hidden: list[Any] = []
        before = width
        for size in layers:
            hidden.append(nn.Linear(before, size))
            hidden += [nn.BatchNorm1d(size)] if normalize else []
            hidden.append(_ACTIVATIONS[activation]())
            before = size
        self.encoder = nn.Sequential(*hidden)
        self.mean, self.spread = nn.Linear(before, topics), nn.Linear(before, topics)
        self.topics = nn.Parameter(torch.randn(topics, width))

    def encode(self, counts: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the variance of each topic's weight, rows by topics."""
        shares = counts / counts.sum(dim=1, keepdim=True).clamp(min=1e-12)
        hidden = self.encoder(shares * shares.shape[1])  # on average 1, whatever the vocabulary's size
        return self.mean(hidden), self.spread(hidden).clamp(-10, 10)

    def losses(self, counts: Tensor, *, sampled: bool) -> Tensor:
        """The loss of each document; without sampling the weights are their means."""
        mean, spread = self.encode(counts)
        weights = mean + torch.randn_like(mean) * (spread / 2).exp() if sampled else mean
        expected = weights.softmax(dim=1) @ self.topics.softmax(dim=1)
        divergence = (mean.square() + spread.exp() - 1 - spread).sum(dim=1) / 2
        return divergence - (counts * (expected + _TINY).log()).sum(dim=1)


def network(width: int, topics: int, values: Mapping[str, Any], layers: Sequence[int], *, seed: int) -> Network:
    """A network that knows nothing yet."""
    torch.manual_seed(seed)
    return Network(width, topics, layers, values["encoder_layers_activation"], values["batch_norm"].lower() == "true")


def epochs(model: Network, rows: Any, values: Mapping[str, Any]) -> Iterator[float]:
    """Train; give the mean loss of a document after each epoch. Raises ClientError when it is no number any more."""
    optimizer = _optimizer(model, values)
    count = max(1, round(rows.shape[0] * values["sub_sample"]))
    clip = values.get("clip_gradient")
    counts = None if hasattr(rows, "toarray") else _dense(rows)  # PyTorch picks rows faster, and on all cores
    for _ in range(values["epochs"]):
        model.train()
        total = 0.0
        for part in torch.randperm(rows.shape[0])[:count].split(values["mini_batch_size"]):
            if len(part) == 1 and count > 1 and values["batch_norm"].lower() == "true":
                continue  # nothing to normalize by
            some = _dense(rows[part.numpy()]) if counts is None else counts[part]
            losses = model.losses(some, sampled=True)
            optimizer.zero_grad()
            (losses.mean() * values["rescale_gradient"]).backward()
            if clip is not None:
                nn.utils.clip_grad_value_(model.parameters(), clip)
            optimizer.step()
            total += float(losses.detach().sum())
        if not np.isfinite(total):
            raise ClientError("The loss is no finite number any more. Lower hyperparameter learning_rate.")
        yield total / count


def _optimizer(model: Network, values: Mapping[str, Any]) -> Any:
    options = {"lr": values["learning_rate"], "weight_decay": values["weight_decay"]}
    if values["optimizer"] == "adadelta":  # finds its own rate, as MXNet's does, which AWS's image has
        options |= {"lr": 1.0, "eps": 1e-5}
    kinds = {
        "adadelta": torch.optim.Adadelta,
        "adagrad": torch.optim.Adagrad,
        "adam": torch.optim.Adam,
        "rmsprop": torch.optim.RMSprop,
        "sgd": torch.optim.SGD,
    }
    return kinds[values["optimizer"]](model.parameters(), **options)


def total_loss(model: Network, rows: Any) -> float:
    """The mean loss of a document."""
    model.eval()
    with torch.inference_mode():
        losses = [float(model.losses(_dense(part), sampled=False).sum()) for part in _parts(rows)]
    total: float = sum(losses) / rows.shape[0]
    return total


def tell(model: Network, rows: Any, words: Sequence[str] | None) -> None:
    """Print each topic's words, or their columns, with their coherence (NPMI) and uniqueness (TU) before them."""
    top = model.topics.detach().topk(min(_TOP, rows.shape[1]), dim=1).indices.numpy()
    coherences = [_coherence(rows, columns) for columns in top]
    times = np.bincount(top.ravel())
    uniqueness = [float((1 / times[columns]).mean()) for columns in top]
    print(
        f"Topics from epoch:final (num_topics:{len(top)}) [npmi {np.mean(coherences):.2f}, "
        f"tu {np.mean(uniqueness):.2f}]:"
    )
    for columns, coherence, unique in zip(top, coherences, uniqueness, strict=True):
        named = " ".join(words[column] if words else str(column) for column in columns)
        print(f"[{coherence:.2f}, {unique:.2f}] {named}", flush=True)


def _coherence(rows: Any, columns: Any) -> float:
    """The mean normalized pointwise mutual information of pairs of words: 1 where they are always together."""
    some = rows[:, columns]
    there = ((some.toarray() if hasattr(some, "toarray") else some) > 0).astype(np.float64)
    together = there.T @ there / len(there)
    alone = np.diag(together)
    one, other = np.triu_indices(len(columns), 1)
    if not len(one):
        return 1.0
    joint = np.maximum(together[one, other], 1e-12)
    apart = np.maximum(alone[one] * alone[other], 1e-24)
    information = np.log(joint / apart) / np.maximum(-np.log(joint), 1e-12)
    return float(np.clip(information, -1, 1).mean())


def _dense(rows: Any) -> Tensor:
    return torch.from_numpy(np.asarray(rows.toarray() if hasattr(rows, "toarray") else rows, np.float32))


def _parts(rows: Any) -> Iterator[Any]:
    step = max(1, _ALL_AT_ONCE // rows.shape[1])
    for start in range(0, rows.shape[0], step):
        yield rows[start : start + step]


def save(model: Network, path: str) -> None:
    """The weights, and what to make a network of."""
    torch.save({"made_of": model.made_of, "weights": model.state_dict()}, path)


def load(path: str) -> Network:
    """What `save` wrote."""
    saved = torch.load(path, weights_only=True)
    model = Network(*saved["made_of"])
    model.load_state_dict(saved["weights"])
    model.eval()
    return model


class Topics:
    """Answers how much of each topic is in a document."""

    title = "predictions"

    def __init__(self, model: Network) -> None:
        self._model = model

    @property
    def width(self) -> int:
        """Words of the vocabulary."""
        return int(self._model.made_of[0])

    def predict(self, rows: Any) -> Mapping[str, Any]:
        """`topic_weights` of each row, 1 in all."""
        values = rows.data if hasattr(rows, "toarray") else rows
        if not np.isfinite(values).all() or (values < 0).any():
            raise ClientError("a count of words is missing, negative or no finite number.")
        with torch.inference_mode():
            parts = [self._model.encode(_dense(part))[0].softmax(dim=1).numpy() for part in _parts(rows)]
        return {"topic_weights": np.concatenate(parts) if parts else np.empty((0, self._model.made_of[1]))}
