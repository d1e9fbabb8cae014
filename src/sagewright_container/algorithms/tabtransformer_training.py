"""The training of TabTransformer, epoch by epoch. Called by `tabtransformer.py` only."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

from sagewright_container.algorithms.base import Job
from sagewright_container.algorithms.tabtransformer_network import Shape, TabTransformer
from sagewright_container.algorithms.tabular import Data

_SEED = 0
_EVALUATED = 4096  # rows at a time


def trained(job: Job, data: Data) -> TabTransformer:
    """The network of the epoch whose validation loss is the least."""
    torch.manual_seed(_SEED)
    values = job.hyperparameters
    network = TabTransformer(_shape(values, data))
    features, label = _tensors(data.features, data.label, data.class_count)
    validation, truth = _tensors(data.validation_features, data.validation_label, data.class_count)
    network.fit_scales(features, None if data.class_count else label)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network.to(device)
    optimizer = torch.optim.Adam(network.parameters(), lr=values["learning_rate"])
    best, best_loss, best_epoch = network.state_dict(), float("inf"), 0
    for epoch in range(values["n_epochs"]):
        _epoch(job, network, optimizer, features, label, device)
        loss, said = _measured(network, validation, truth, device)
        print(f"epoch {epoch + 1}/{values['n_epochs']} valid_loss={loss:.6f} metrics={said}", flush=True)
        if loss < best_loss:
            best = {name: weights.detach().clone() for name, weights in network.state_dict().items()}
            best_loss, best_epoch = loss, epoch
        if job.stopping or epoch - best_epoch >= values["patience"]:
            print(f"Stopped after epoch {epoch + 1}; the best was {best_epoch + 1}", flush=True)
            break
    network.load_state_dict(best)
    network.cpu()
    return network


def _shape(values: dict[str, Any], data: Data) -> Shape:
    return Shape(
        width=data.encoding.width,
        words={column: len(words) for column, words in data.encoding.categories.items()},
        outputs=data.class_count or 1,
        input_dim=int(values["input_dim"]),
        n_blocks=values["n_blocks"],
        attn_dropout=values["attn_dropout"],
        mlp_dropout=values["mlp_dropout"],
        frac_shared_embed=values["frac_shared_embed"],
    )


def _tensors(features: Any, label: Any, classes: int) -> tuple[torch.Tensor, torch.Tensor]:
    kind = torch.int64 if classes else torch.float32
    return torch.as_tensor(features, dtype=torch.float32), torch.as_tensor(label, dtype=kind)


def _epoch(job: Job, network: TabTransformer, optimizer: Any, features: Any, label: Any, device: Any) -> None:
    network.train()
    for rows in torch.randperm(len(features)).split(job.hyperparameters["batch_size"]):
        if job.stopping:
            return
        loss = _loss(network, network(features[rows].to(device)), label[rows].to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def _loss(network: TabTransformer, outputs: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    if network.shape.outputs == 1:
        return functional.mse_loss(outputs[:, 0], (label - network.target[0]) / network.target[1])
    return functional.cross_entropy(outputs, label)


def _measured(network: TabTransformer, features: Any, label: Any, device: Any) -> tuple[float, dict[str, float]]:
    """The loss on the validation data, and the metric that AWS publishes for the task."""
    network.eval()
    with torch.inference_mode():
        outputs = torch.cat([network(rows.to(device)) for rows in features.split(_EVALUATED)]).cpu()
    truth = label
    loss = float(_loss(network, outputs.to(device), truth.to(device)))
    if network.shape.outputs == 1:
        target = network.target.cpu()
        rest = (outputs[:, 0] * target[1] + target[0] - truth).square().sum()
        spread = (truth - truth.mean()).square().sum().clamp_min(1e-12)
        return loss, {"r2": round(float(1 - rest / spread), 6)}
    said = outputs.argmax(dim=1)
    if network.shape.outputs > 2:
        return loss, {"accuracy": round(float((said == truth).float().mean()), 6)}
    right = int((said & truth).sum())
    return loss, {"f1": round(2 * right / max(1, int(said.sum() + truth.sum())), 6)}
