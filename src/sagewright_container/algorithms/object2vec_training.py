"""Train Object2Vec: optimizers, epochs, early stopping, embeddings that were trained elsewhere."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from sagewright_container.algorithms import object2vec, quality
from sagewright_container.algorithms.base import Job
from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.object2vec_network import Network, save
from sagewright_container.algorithms.object2vec_pairs import Batch, Pairs

_OPTIMIZERS = {
    "adadelta": torch.optim.Adadelta,
    "adagrad": torch.optim.Adagrad,
    "adam": torch.optim.Adam,
    "sgd": torch.optim.SGD,
    "rmsprop": torch.optim.RMSprop,
}
_SCORED = 1024  # pairs measured at a time


def train(job: Job, pairs: Mapping[str, Pairs]) -> None:
    """Train, save the best of the epochs, measure. Raises ClientError."""
    values, host = job.hyperparameters, job.current_host
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = Network(values)
    _pretrained(network, job)
    network.to(device)
    optimizers = _optimizers(network, values)
    best, kept, since = float("inf"), network.state_dict(), 0
    for epoch in range(values["epochs"]):
        loss = _epoch(network, optimizers, pairs["train"], random, job)
        quality.said(host, "train", "cross_entropy" if network.classifies else "mean_squared_error", loss, epoch=epoch)
        if "validation" in pairs:
            loss = _tell(network, pairs["validation"], host, "validation", epoch)
        since = 0 if best - loss > values["early_stopping_tolerance"] else since + 1
        if loss < best:
            best, kept = loss, copy.deepcopy(network.state_dict())
        if job.stopping or since >= values["early_stopping_patience"]:
            break
    network.load_state_dict(kept)
    if "test" in pairs:
        _tell(network, pairs["test"], host, "test", None)
    save(network.cpu(), values, job.model_dir)


def _epoch(network: Any, optimizers: Any, pairs: Pairs, random: Any, job: Job) -> float:
    """The mean loss of the epoch."""
    network.train()
    values, total, count = job.hyperparameters, 0.0, 0
    for batch in pairs.batches(values["mini_batch_size"], random, values["negative_sampling_rate"]):
        loss, _ = _loss(network, batch)
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
        total, count = total + float(loss.detach()) * len(batch.labels), count + len(batch.labels)
        if job.stopping:
            break
    if not np.isfinite(total):
        raise ClientError("The loss is no number any more: lower the hyperparameter learning_rate.")
    return total / count


def _tell(network: Any, pairs: Pairs, host: str, channel: str, epoch: int | None) -> float:
    """Print what is measured on a channel; answer the loss."""
    network.eval()
    total, right = 0.0, 0
    with torch.inference_mode():
        for batch in pairs.batches(_SCORED):
            loss, scores = _loss(network, batch)
            total += float(loss) * len(batch.labels)
            if network.classifies:
                right += int((scores.argmax(1).cpu().numpy() == batch.labels).sum())
    count = len(pairs.labels)
    name = "cross_entropy" if network.classifies else "mean_squared_error"
    quality.said(host, channel, name, total / count, epoch=epoch)
    if network.classifies:
        quality.said(host, channel, "accuracy", right / count, epoch=epoch, what="score")
    return total / count


def _loss(network: Any, batch: Batch) -> tuple[Any, Any]:
    """The loss, and the scores."""
    device = next(network.parameters()).device
    first, second, labels = (torch.from_numpy(each).to(device) for each in batch)
    scores = network(first, second)
    if network.classifies:
        return functional.cross_entropy(scores, labels), scores
    return functional.mse_loss(scores.squeeze(1), labels), scores


def _optimizers(network: Any, values: Mapping[str, Any]) -> list[Any]:
    """One, or one of its own for the embeddings whose gradients are of some rows only."""
    kind, rate = _OPTIMIZERS[values["optimizer"]], values["learning_rate"]
    weights = [each for each in network.parameters() if each.requires_grad]
    if values["token_embedding_storage_type"] != object2vec.ROW_SPARSE:
        return [kind(weights, lr=rate, weight_decay=values["weight_decay"])]
    embedded = {id(each.embedding.weight) for each in network.encoders}
    rows = [each for each in weights if id(each) in embedded]
    others = [each for each in weights if id(each) not in embedded]
    sparse = torch.optim.SparseAdam if values["optimizer"] == "adam" else kind
    found = [kind(others, lr=rate, weight_decay=values["weight_decay"])]
    return [*found, sparse(rows, lr=rate)] if rows else found


def _pretrained(network: Any, job: Job) -> None:
    """Embeddings from the channel `auxiliary`: a token and its numbers on each line, as GloVe has them."""
    values = job.hyperparameters
    for name, encoder in zip(("enc0", "enc1"), network.encoders, strict=True):
        file = values[f"{name}_pretrained_embedding_file"]
        if not file:
            continue
        if "auxiliary" not in job.inputs:
            raise ClientError(f"Hyperparameter {name}_pretrained_embedding_file needs the channel auxiliary.")
        vocabulary = _vocabulary(job, values[f"{name}_vocab_file"], name)
        size = object2vec.encoder(values, name)
        found = encoder.embedding.weight.data
        with open(_auxiliary(job, file), encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                token, *numbers = line.rstrip().split(" ")
                place = vocabulary.get(token)
                if place is None:
                    continue
                if len(numbers) != size["token_embedding_dim"]:
                    raise ClientError(
                        f"{file}, line {number} in channel auxiliary: {len(numbers)} numbers, but hyperparameter "
                        f"{name}_token_embedding_dim is {size['token_embedding_dim']}."
                    )
                found[place] = torch.tensor([float(each) for each in numbers])
        encoder.embedding.weight.requires_grad = not object2vec.true(values[f"{name}_freeze_pretrained_embedding"])


def _vocabulary(job: Job, file: str, name: str) -> dict[str, int]:
    size = object2vec.encoder(job.hyperparameters, name)["vocab_size"]
    try:
        with open(_auxiliary(job, file), encoding="utf-8") as text:
            found = json.load(text)
    except ValueError as error:
        raise ClientError(f"{file} in channel auxiliary is not JSON: {error}") from error
    if not isinstance(found, dict) or not all(type(each) is int and 0 <= each < size for each in found.values()):
        raise ClientError(f"{file} in channel auxiliary does not map tokens to numbers from 0 to {size - 1}.")
    return found


def _auxiliary(job: Job, file: str) -> str:
    for path in job.inputs["auxiliary"].files():
        if os.path.basename(path) == file:
            return path
    raise ClientError(f"Channel auxiliary holds no file {file}.")
