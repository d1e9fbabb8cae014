"""The network of IP Insights: an entity's vector and an address's, whose product says how well they go together.

An entity has a vector of its own. An address is encoded from its bits: each of its 32 prefixes has a share in the
vector, by a linear layer on the bits and `layers` of them after it. The network learns to tell pairs that were seen
from pairs that were not: an entity with a random address, or with one of another pair of the same batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sagewright_container.algorithms.ip_pairs import Pairs

_BITS = 32
_ALL_AT_ONCE = 10000  # pairs that are asked for together


class Network(nn.Module):  # type: ignore[misc]
    """Vectors of entities and addresses."""

    def __init__(self, count: int, dimension: int, layers: int) -> None:
        super().__init__()
        self.shape = (count, dimension, layers)
        self.entity = nn.Embedding(count, dimension, sparse=True)
        nn.init.normal_(self.entity.weight, std=dimension**-0.5)
        hidden: list[nn.Module] = [nn.Linear(_BITS, dimension)]
        for _ in range(layers):
            hidden += [nn.ReLU(), nn.Linear(dimension, dimension)]
        self.address = nn.Sequential(*hidden)
        self.register_buffer("places", torch.arange(_BITS - 1, -1, -1), persistent=False)

    def forward(self, entities: Tensor, addresses: Tensor) -> tuple[Tensor, Tensor]:
        """The vectors of both, rows by dimensions."""
        bits = (addresses[:, None] >> self.places) & 1
        return self.entity(entities), self.address(bits.float() * 2 - 1)


def network(count: int, dimension: int, layers: int, *, seed: int) -> Network:
    """A network that knows nothing yet."""
    torch.manual_seed(seed)
    return Network(count, dimension, layers)


def epochs(model: Network, pairs: Pairs, values: Mapping[str, Any]) -> Iterator[float]:
    """Train; give the mean loss after each epoch."""
    entities, addresses = torch.from_numpy(pairs.entities), torch.from_numpy(pairs.addresses)
    rate, decay = values["learning_rate"], values["weight_decay"]
    optimizers = [
        torch.optim.SparseAdam([model.entity.weight], lr=rate),
        torch.optim.Adam(model.address.parameters(), lr=rate, weight_decay=decay),
    ]
    for _ in range(values["epochs"]):
        total = 0.0
        parts = torch.randperm(len(entities)).split(values["mini_batch_size"])
        for number, part in enumerate(parts, 1):
            loss = _loss(model, entities[part], addresses[part], values)
            for optimizer in optimizers:
                optimizer.zero_grad()
            (loss + decay * _size(model, entities[part])).backward()
            for optimizer in optimizers:
                optimizer.step()
            total += float(loss.detach())
            if number % values["batch_metrics_publish_interval"] == 0:
                print(f"Batch {number}: loss {total / number:.6f}", flush=True)
        yield total / len(parts)


def _size(model: Network, entities: Tensor) -> Tensor:
    """What weight decay keeps small of the vectors in a batch: the others stay as they are."""
    return model.entity(entities).square().sum() / (2 * len(entities))


def _loss(model: Network, entities: Tensor, addresses: Tensor, values: Mapping[str, Any]) -> Tensor:
    random, shuffled = values["random_negative_sampling_rate"], values["shuffled_negative_sampling_rate"]
    made = torch.randint(0, 1 << _BITS, (random * len(addresses),))
    others = [addresses[torch.randperm(len(addresses))] for _ in range(shuffled)]
    all_addresses = torch.cat([addresses, made, *others])
    one, other = model(entities.repeat(1 + random + shuffled), all_addresses)
    true = torch.zeros(len(all_addresses))
    true[: len(addresses)] = 1
    return nn.functional.binary_cross_entropy_with_logits((one * other).sum(dim=1), true)


def discriminator_auc(model: Network, pairs: Pairs) -> float:
    """How often a true pair has a higher product than the same entity with a random address."""
    made = np.random.default_rng(0).integers(0, 1 << _BITS, len(pairs.addresses))
    true = products(model, pairs)
    products_of_all = np.concatenate([true, products(model, Pairs(pairs.entities, made))])
    _, place, counts = np.unique(products_of_all, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - (counts - 1) / 2)[place]  # of equal ones the middle
    return float((rank[: len(true)].sum() - len(true) * (len(true) + 1) / 2) / (len(true) * len(made)))


def products(model: Network, pairs: Pairs) -> Any:
    """The dot product of each pair."""
    return vectors(model, pairs)[0]


def vectors(model: Network, pairs: Pairs) -> tuple[Any, Any, Any]:
    """Of each pair the dot product, the entity's vector and the address's."""
    parts: list[tuple[Any, Any, Any]] = []
    with torch.inference_mode():
        for start in range(0, max(1, len(pairs.entities)), _ALL_AT_ONCE):
            span = slice(start, start + _ALL_AT_ONCE)
            one, other = model(torch.from_numpy(pairs.entities[span]), torch.from_numpy(pairs.addresses[span]))
            parts.append(((one * other).sum(dim=1).numpy(), one.numpy(), other.numpy()))
    dots, entities, addresses = (np.concatenate(part) for part in zip(*parts, strict=True))
    return dots, entities, addresses


def save(model: Network, path: str) -> None:
    """The weights, and the sizes to make a network of."""
    torch.save({"shape": model.shape, "weights": model.state_dict()}, path)


def load(path: str) -> Network:
    """What `save` wrote."""
    saved = torch.load(path, weights_only=True)
    model = Network(*saved["shape"])
    model.load_state_dict(saved["weights"])
    model.eval()
    return model
