"""What every built-in algorithm declares and is given. `run.py` checks a job against it and trains.

These are no dataclasses: each job would wait for the modules that make those, longer than fastText trains on a small
file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol, runtime_checkable

from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.hyperparameters import Hyperparameter


class Channel(NamedTuple):
    """An input that an algorithm takes. `content_types` maps what a request may say to our name for it."""

    name: str
    content_types: Mapping[str, str]
    default_content_type: str
    required: bool = False
    pipe: frozenset[str] = frozenset()  # our names of the content types that Pipe mode works with


class Metric(NamedTuple):
    """A metric that the algorithm prints, with AWS's regular expression over the log and its direction."""

    name: str
    regex: str
    maximize: bool


class Input(NamedTuple):
    """A channel as the job gives it: `content_type` in our word, its parameters, and how to read it.

    `sharded`: each host has files of its own (`shards.py`).
    """

    name: str
    content_type: str
    path: str
    pipe: bool = False
    parameters: Mapping[str, str] = MappingProxyType({})
    sharded: bool = False

    def files(self) -> list[str]:
        """The files of the channel, in order; hidden ones and Spark's markers (`_SUCCESS`) left out."""
        if self.pipe:
            return [f"{self.path}_0"]
        return sorted(_walk(self.path))

    def nothing(self) -> ClientError:
        """What to raise where the files hold no row."""
        files = [] if self.pipe else [os.path.basename(path) for path in self.files()[:3]]
        what = f"{', '.join(files)} {'are' if len(files) > 1 else 'is'} empty" if files else "there is no file in it"
        return ClientError(f"Channel {self.name} holds no data: {what}. Put rows under the S3 prefix that it names.")


class Job:
    """One run of an algorithm. `stopping` turns true on SIGTERM: save what there is and return.

    An algorithm has all data on the host that it runs on, whatever `hosts` there are (`shards.py`). `checkpoint_dir` is
    empty where it is to keep none.
    """

    def __init__(
        self,
        hyperparameters: dict[str, Any],
        inputs: dict[str, Input],
        model_dir: str,
        output_data_dir: str,
        *,
        hosts: Sequence[str] = ("algo-1",),
        current_host: str = "algo-1",
        checkpoint_dir: str = "",
    ) -> None:
        self.hyperparameters, self.inputs = hyperparameters, inputs
        self.model_dir, self.output_data_dir, self.checkpoint_dir = model_dir, output_data_dir, checkpoint_dir
        self.hosts, self.current_host = hosts, current_host
        self.stopping = False


class Model(Protocol):
    """What was trained, loaded to predict."""

    title: str
    """What a JSON answer calls the list of all: `predictions`, mostly."""

    @property
    def width(self) -> int:
        """Features of a row."""

    def predict(self, rows: Any) -> Mapping[str, Any]:
        """What is answered of each row, by name: arrays of a number or of a row of numbers for each.

        `rows` is a float32 array or a CSR matrix, rows by `width`. Raises ClientError.
        """


@runtime_checkable
class Verbose(Model, Protocol):
    """A model that says more to a request that accepts `…; verbose=true`."""

    def verbose(self, rows: Any) -> Mapping[str, Any]:
        """As `predict`, and more."""


class Algorithm(Protocol):
    """The port. An implementation imports its library inside `train` and `load`: declarations are read without it.

    `environment` is the Python environment that it runs in, `repositories` are those of its images. `train` reads
    `job.inputs`, prints one line per step that a metric's regex can find, and leaves the model in `job.model_dir`. It
    raises ClientError for what the caller got wrong; anything else is a fault of ours. `parallel`: jobs may have
    several instances, as they may at AWS.
    """

    name: str
    environment: str
    repositories: Sequence[str]
    parallel: bool
    hyperparameters: Sequence[Hyperparameter]
    channels: Sequence[Channel]
    metrics: Sequence[Metric]

    def check(self, values: Mapping[str, Any]) -> None:
        """Rules between hyperparameters. Raises ClientError."""

    def train(self, job: Job) -> None:
        """Train and save."""

    def load(self, model_dir: str) -> Model:
        """What `train` has saved."""


@runtime_checkable
class Handled(Protocol):
    """What an Algorithm has as well where its requests are no rows of numbers."""

    def handler(self, model_dir: str) -> Any:
        """What answers requests: a `serving.base.Handler`."""


def _walk(path: str) -> Iterator[str]:
    if os.path.isfile(path):
        yield path
    for folder, folders, names in os.walk(path, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith((".", "_"))]
        for name in names:
            if not name.startswith((".", "_")):
                yield os.path.join(folder, name)
