"""How the algorithms for images train: batches, optimizers, schedules, epochs, early stopping, the best weights.

On PyTorch.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import sys
import tarfile
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import torch

from sagewright_container.algorithms.base import Job
from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.vision.checkpoints import Checkpoints
from sagewright_container.algorithms.vision.declared import true
from sagewright_container.algorithms.vision.samples import Sample
from sagewright_container.contract import cpu_count

WEIGHTS, ABOUT = "model.safetensors", "model.json"
_SWITCH_S = 0.0005
"""Seconds after which a thread that reads images lets the loop go on: Python's own 5 ms are felt at each operation."""

Read = Callable[[Sample, random.Random | None], Any]
"""A sample as it is trained on (with chance), or looked at (without)."""


def device() -> Any:
    """The first GPU, where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


class Batches:
    """Samples in batches, read by threads while the one before is trained on."""

    def __init__(self, samples: Sequence[Sample], size: int, read: Read, *, shuffled: bool, seed: int = 0) -> None:
        self._samples, self._size, self._read = list(samples), size, read
        self._chance = random.Random(seed) if shuffled else None  # noqa: S311  no secret
        self._pool = ThreadPoolExecutor(min(8, cpu_count()))

    @property
    def count(self) -> int:
        """The samples."""
        return len(self._samples)

    def __iter__(self) -> Iterator[list[Any]]:
        order = list(range(self.count))
        if self._chance:
            self._chance.shuffle(order)
            if self.count > self._size and self.count % self._size == 1:
                order.pop()  # a batch of one has no deviation to normalize by
        starts = range(0, len(order), self._size)
        ahead = None
        for start in starts:
            now = ahead or self._ask(order[start : start + self._size])
            following = order[start + self._size : start + 2 * self._size]
            ahead = self._ask(following) if following else None
            yield [each.result() for each in now]

    def _ask(self, numbers: Sequence[int]) -> list[Any]:
        return [self._pool.submit(self._one, number, self._seeded()) for number in numbers]

    def _seeded(self) -> random.Random | None:
        return random.Random(self._chance.random()) if self._chance else None  # noqa: S311

    def _one(self, number: int, chance: random.Random | None) -> Any:
        sample = self._samples[number]
        try:
            return self._read(sample, chance)
        except ClientError as error:
            raise ClientError(f"{sample.name}: {error}") from error


def optimizer(network: Any, values: Mapping[str, Any], decayed: Sequence[str]) -> Any:
    """The optimizer that the hyperparameters ask for."""
    weights = [each for each in network.parameters() if each.requires_grad]
    rate = values["learning_rate"]
    decay = values["weight_decay"] if values["optimizer"] in decayed else 0.0
    optim = torch.optim
    match values["optimizer"]:
        case "adam":
            betas = (values.get("beta_1", 0.9), values.get("beta_2", 0.999))
            return optim.Adam(weights, rate, betas, values.get("eps", 1e-8))
        case "rmsprop":
            smooth, momentum = values.get("gamma", values.get("gamma1", 0.9)), values.get("gamma2", 0.0)
            return optim.RMSprop(weights, rate, smooth, values.get("eps", 1e-8), decay, momentum)
        case "adadelta":
            return optim.Adadelta(weights, rate)
        case "adagrad":
            return optim.Adagrad(weights, rate)
        case name:
            momentum = values["momentum"]
            nesterov = name == "nag" and momentum > 0
            return optim.SGD(weights, rate, momentum, weight_decay=decay, nesterov=nesterov)


@dataclass
class Patience:
    """Whether a score still improves, as AWS's early stopping has it."""

    values: Mapping[str, Any]
    best: float | None = None
    worse: int = 0

    def better(self, score: float) -> bool:
        """Take an epoch's score; answer whether it is the best so far."""
        before = self.best
        improved = before is None or score > before
        if improved:
            self.best = score
        tolerance = self.values["early_stopping_tolerance"]
        enough = before is None or score - before > tolerance * abs(before)
        self.worse = 0 if enough else self.worse + 1
        return improved

    def over(self, epochs: int) -> bool:
        """Whether to stop after so many epochs."""
        return (
            true(self.values, "early_stopping")
            and epochs >= self.values["early_stopping_min_epochs"]
            and self.worse >= self.values["early_stopping_patience"]
        )


@dataclass
class Course:
    """What an algorithm gives the loop. Losses are by name; their sum is what falls."""

    network: Any
    batches: Batches
    losses: Callable[[list[Any]], Mapping[str, Any]]
    factor: Callable[[float], float]
    """What of the learning rate is left after so many epochs, which may be a part of one."""
    told: Callable[[int, Mapping[str, float]], None]
    """Prints an epoch's mean losses."""
    score: Callable[[int], float | None]
    """Prints an epoch's validation, and answers what early stopping and the best weights go by."""
    decayed: Sequence[str] = ("sgd", "nag")
    """The optimizers that weight_decay is for."""
    saved_every: int | None = None
    about: Mapping[str, Any] = field(default_factory=dict)


def train(job: Job, course: Course) -> None:
    """Train for as long as the job asks for, and save the weights of the best epoch, or of the last."""
    sys.setswitchinterval(_SWITCH_S)
    values = job.hyperparameters
    network = course.network.to(device())
    steps = optimizer(network, values, course.decayed)
    patience = Patience(values)
    kept = Checkpoints(job.checkpoint_dir, course.about)
    for epoch in range(kept.restore(network, steps, patience, job.model_dir), values["epochs"]):
        if patience.over(epoch):
            break
        begun, seen = time.monotonic(), 0
        sums: dict[str, float] = {}
        network.train()
        for batch in course.batches:
            for group in steps.param_groups:
                group["lr"] = values["learning_rate"] * course.factor(epoch + seen / course.batches.count)
            losses = _step(network, steps, course, batch)
            seen += len(batch)
            for name, value in losses.items():
                sums[name] = sums.get(name, 0.0) + value * len(batch)
            if job.stopping:
                break
        course.told(epoch, {name: value / seen for name, value in sums.items()})
        print(
            f"#throughput_metric: host={job.current_host}, train throughput={seen / (time.monotonic() - begun):.4f} "
            "records/second",
            flush=True,
        )
        network.eval()
        score = None if job.stopping else course.score(epoch)
        if score is None or patience.better(score):
            save(job.model_dir, network, course.about)
        if course.saved_every and not (epoch + 1) % course.saved_every:
            _write(os.path.join(job.model_dir, f"model-{epoch + 1:04d}.safetensors"), network)
        done = round(100 * (epoch + 1) / values["epochs"])
        print(f"#progress_metric: host={job.current_host}, completed {done} % of epochs", flush=True)
        if job.stopping:
            break
        kept.keep(epoch + 1, network, steps, patience, job.model_dir)


def _step(network: Any, steps: Any, course: Course, batch: list[Any]) -> dict[str, float]:
    try:
        losses = course.losses(batch)
    except ValueError as error:  # torch's, of a map of one pixel in a batch of one image
        raise ClientError(f"mini_batch_size is too small for images of this size: {error}") from error
    total = sum(losses.values())
    if not torch.isfinite(total):
        raise ClientError("The loss is no longer a finite number. Set a smaller learning_rate.")
    steps.zero_grad()
    total.backward()
    steps.step()
    return {name: float(value.detach()) for name, value in losses.items()}


def stepwise(at: Sequence[int], by: float) -> Callable[[float], float]:
    """The learning rate's factor where it falls by `by` after each of some epochs."""
    return lambda epochs: by ** sum(epochs >= each for each in at)


def save(model_dir: str, network: Any, about: Mapping[str, Any]) -> None:
    """The weights, and what is to be known to use them."""
    _write(os.path.join(model_dir, WEIGHTS), network)
    with open(os.path.join(model_dir, ABOUT), "w", encoding="utf-8") as file:
        json.dump(about, file, indent=1)


def _write(path: str, network: Any) -> None:
    weights = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    importlib.import_module("safetensors.torch").save_file(weights, path)


def about(model_dir: str) -> dict[str, Any]:
    """What `save` was told. Raises ClientError where there is no such model."""
    try:
        with open(os.path.join(model_dir, ABOUT), encoding="utf-8") as file:
            found: dict[str, Any] = json.load(file)
    except (OSError, ValueError) as error:
        raise ClientError(
            f"There is no model of this algorithm: {ABOUT} is missing or damaged. Give model.tar.gz as "
            "a job has saved it."
        ) from error
    return found


def restore(model_dir: str, network: Any) -> Any:
    """The network with the saved weights, ready to predict. Raises ClientError where they are not its own."""
    safetensors = importlib.import_module("safetensors")
    try:
        weights = importlib.import_module("safetensors.torch").load_file(os.path.join(model_dir, WEIGHTS))
        network.load_state_dict(weights)
    except (OSError, RuntimeError, safetensors.SafetensorError) as error:
        raise ClientError(
            f"There is no model of this algorithm: {WEIGHTS} is missing, damaged, or of another network than {ABOUT} "
            "says. Give model.tar.gz as a job has saved it."
        ) from error
    return network.to(device()).eval()


class Trained:
    """What answers requests has a network that was saved, `build` made it, and what is known about it."""

    content_types = ("application/x-image", "image/jpeg", "image/png")
    build: Callable[[Mapping[str, Any]], Any]

    def __init__(self, model_dir: str) -> None:
        self._about = about(model_dir)
        self._network = restore(model_dir, self.build(self._about))


def go_on(job: Job, network: Any, wanted: Mapping[str, Any], same: Sequence[str]) -> None:
    """Begin with the weights of the channel `model`, where it is given. `same` must agree. Raises ClientError."""
    if "model" not in job.inputs:
        return
    folder = unpacked(job.inputs["model"].path)
    before = _named(about, folder)
    for name in same:
        if before.get(name) != wanted[name]:
            raise ClientError(
                f"Hyperparameter {name} is {wanted[name]}, and was {before.get(name)} where the model in channel model "
                "was trained: it must be the same."
            )
    _named(restore, folder, network)


def _named(read: Callable[..., Any], *arguments: Any) -> Any:
    """What is read of the channel `model`, which an error names."""
    try:
        return read(*arguments)
    except ClientError as error:
        raise ClientError(f"Channel model: {error}") from error


def unpacked(folder: str) -> str:
    """The folder of a model that comes as it was saved: packed as model.tar.gz. Raises ClientError."""
    packed = os.path.join(folder, "model.tar.gz")
    if not os.path.isfile(packed):
        return folder
    target = tempfile.mkdtemp(prefix="model-")
    try:
        with tarfile.open(packed) as archive:
            archive.extractall(target, filter="data")
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:  # cut short, or no archive at all
        raise ClientError(
            f"model.tar.gz in channel model cannot be unpacked: {error}. Give it as a job has saved it."
        ) from error
    return target
