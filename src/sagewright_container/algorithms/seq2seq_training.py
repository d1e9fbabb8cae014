"""Train Sequence-to-Sequence: batches, checkpoints, schedules, early stopping."""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch.nn import functional

from sagewright_container.algorithms import quality
from sagewright_container.algorithms.base import Job
from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.seq2seq_network import Network, save
from sagewright_container.algorithms.seq2seq_search import translations
from sagewright_container.algorithms.seq2seq_text import BEGIN, END, PAD, Pair, Vocabulary, bleu

_POOL = 50  # batches whose sentences are put in the order of their lengths
_OPTIMIZERS = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD, "rmsprop": torch.optim.RMSprop}


def train(job: Job, pairs: Mapping[str, Sequence[Pair]], words: tuple[Vocabulary, Vocabulary]) -> None:
    """Train, save the best of the checkpoints. Raises ClientError."""
    torch.manual_seed(0)
    network = Network(job.hyperparameters, len(words[0]), len(words[1]))
    network.to(torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    training = Training(job, network, pairs["validation"])
    training.run(pairs["train"])
    network.load_state_dict(training.kept)
    save(network.cpu(), job.hyperparameters, words, job.model_dir)


class Training:
    """One run: counts batches, and looks at each checkpoint whether to go on."""

    def __init__(self, job: Job, network: Network, validation: Sequence[Pair]) -> None:
        self._job, self._values = job, job.hyperparameters
        self._network, self._validation = network, validation
        more = {"momentum": self._values["momentum"]} if "momentum" in self._values else {}
        kind = _OPTIMIZERS[self._values["optimizer_type"]]
        rate, decay = self._values["learning_rate"], self._values["weight_decay"]
        self._optimizer = kind(network.parameters(), lr=rate, weight_decay=decay, **more)
        self._best, self._since, self._checkpoints = -math.inf, 0, 0
        self.kept: Any = network.state_dict()

    def run(self, pairs: Sequence[Pair]) -> None:
        """Until there is nothing to gain, or the limits are reached."""
        chance = random.Random(0)  # noqa: S311  no secret
        batches, every = 0, self._values["checkpoint_frequency_num_batches"]
        epochs = self._values.get("max_num_epochs") or math.inf
        epoch = 0
        while epoch < epochs:
            for batch in _batches(pairs, self._values["batch_size"], chance):
                self._learn(batch)
                batches += 1
                ended = self._job.stopping or batches == self._values["max_num_batches"]
                if ended or batches % every == 0:
                    given_up = self._checkpoint()
                    if ended or given_up:
                        return
            epoch += 1
        if batches % every:
            self._checkpoint()

    def _learn(self, batch: Sequence[Pair]) -> None:
        self._network.train()
        self._optimizer.zero_grad()
        loss, *_ = _scored(self._network, batch)
        if not torch.isfinite(loss):
            raise ClientError("The loss is no number any more: lower the hyperparameter learning_rate.")
        loss.backward()
        if self._values["clip_gradient"] > 0:
            torch.nn.utils.clip_grad_value_(self._network.parameters(), self._values["clip_gradient"])
        self._optimizer.step()

    def _checkpoint(self) -> bool:
        """Measure, keep the best, set the learning rate; whether to give up."""
        told = self._told()
        name = self._values["optimized_metric"]
        score = -told[name] if name == "perplexity" else told[name]
        if score > self._best:
            self._best, self._since, self.kept = score, 0, copy.deepcopy(self._network.state_dict())
        else:
            self._since += 1
        self._checkpoints += 1
        self._schedule()
        return "max_num_epochs" not in self._values and self._since >= self._values["checkpoint_threshold"]

    def _told(self) -> dict[str, float]:
        """What is measured on the validation channel, and printed."""
        self._network.eval()
        total, right, count = 0.0, 0, 0
        with torch.inference_mode():
            for start in range(0, len(self._validation), self._values["batch_size"]):
                batch = self._validation[start : start + self._values["batch_size"]]
                loss, hits, words = _measured(self._network, batch)
                total, right, count = total + float(loss) * words, right + hits, count + words
        told = {"perplexity": math.exp(min(total / count, 700)), "accuracy": right / count}
        sample = self._values["bleu_sample_size"]
        if sample or self._values["optimized_metric"] == "bleu":
            told["bleu"] = self._bleu(self._validation[:sample] if sample > 0 else self._validation)
        for name, value in told.items():
            what = "loss" if name == "perplexity" else "score"
            quality.said(self._job.current_host, "validation", name, value, epoch=self._checkpoints, what=what)
        return told

    def _bleu(self, pairs: Sequence[Pair]) -> float:
        beam, longest = self._values["beam_size"], self._values["max_seq_len_target"]
        made = translations(self._network, [pair.source for pair in pairs], beam, longest)
        return bleu([each.words for each in made], [pair.target for pair in pairs])

    def _schedule(self) -> None:
        values, kind = self._values, self._values["lr_scheduler_type"]
        if kind == "plateau_reduce":
            if self._since and self._since % values["plateau_reduce_lr_threshold"] == 0:
                self._set_rate(self._optimizer.param_groups[0]["lr"] * values["plateau_reduce_lr_factor"])
            return
        passed = self._checkpoints / values["fixed_rate_lr_half_life"]
        slower = 1 + passed if kind == "fixed_rate_inv_t" else math.sqrt(1 + 3 * passed)  # half after one half-life
        self._set_rate(values["learning_rate"] / slower)

    def _set_rate(self, rate: float) -> None:
        for group in self._optimizer.param_groups:
            group["lr"] = rate


def _measured(network: Any, batch: Sequence[Pair]) -> tuple[Any, int, int]:
    """The mean loss of a word, how many words are right, and how many there are."""
    loss, scores, wanted = _scored(network, batch)
    inside = wanted != PAD
    return loss, int(((scores.argmax(-1) == wanted) & inside).sum()), int(inside.sum())


def _scored(network: Any, batch: Sequence[Pair]) -> tuple[Any, Any, Any]:
    """The mean loss of a word, the scores of each next one, and which they are."""
    device = next(network.parameters()).device
    sources = _padded([pair.source for pair in batch]).to(device)
    given = _padded([[BEGIN, *pair.target] for pair in batch]).to(device)
    wanted = _padded([[*pair.target, END] for pair in batch]).to(device)
    scores = network(sources, given)
    return functional.cross_entropy(scores.flatten(0, 1), wanted.flatten(), ignore_index=PAD), scores, wanted


def _padded(sentences: Sequence[Sequence[int]]) -> Any:
    longest = max(map(len, sentences))
    return torch.tensor([[*each, *[PAD] * (longest - len(each))] for each in sentences])


def _batches(pairs: Sequence[Pair], size: int, chance: random.Random) -> Iterator[list[Pair]]:
    """All pairs in a new order, those of a batch alike in length."""
    order = list(pairs)
    chance.shuffle(order)
    found = []
    for start in range(0, len(order), size * _POOL):
        pool = sorted(order[start : start + size * _POOL], key=lambda pair: (len(pair.source), len(pair.target)))
        found += [pool[first : first + size] for first in range(0, len(pool), size)]
    chance.shuffle(found)
    yield from found
