"""What the models that `network_fits.py` keeps say: from a request's lines to the answer's, in one process."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from bench.apps import network_fits
from bench.apps.network_fits import Values
from bench.apps.networks import PHRASE, SPECIAL

Answers = Callable[[str], str]


def blazingtext(kept: Path, _values: Values) -> Answers:
    """Words' vectors."""
    import fasttext

    model = fasttext.load_model(str(kept))
    return lambda body: _lines(
        {"vector": model.get_word_vector(each["source"]).tolist(), "word": each["source"]} for each in _told(body)
    )


def classifier(kept: Path, _values: Values) -> Answers:
    """The likeliest label, by what `predict` of fastText calls, which itself fails on NumPy 2."""
    import fasttext

    model = fasttext.load_model(str(kept))

    def answer(text: str) -> Mapping[str, Any]:
        ((probability, label),) = model.f.predict(f"{text}\n", 1, 0.0, "strict")
        return {"label": [label], "prob": [probability]}

    return lambda body: _lines(answer(each["source"]) for each in _told(body))


def lda(kept: Path, _values: Values) -> Answers:
    """Shares of topics."""
    import pickle

    model = pickle.loads(kept.read_bytes())
    return lambda body: _csv(model.transform(_numbers(body)))


def ntm(kept: Path, _values: Values) -> Answers:
    """Shares of topics."""
    import torch

    network = _loaded(network_fits.topics(), kept)

    def answers(body: str) -> str:
        with torch.inference_mode():
            return _csv(network.encode(torch.from_numpy(_numbers(body)))[0].softmax(1).numpy())

    return answers


def ipinsights(kept: Path, values: Values) -> Answers:
    """Products."""
    import torch

    network = _loaded(network_fits.embeddings(values), kept)

    def answers(body: str) -> str:
        with torch.inference_mode():
            one, other = network(*network_fits.logins(io.StringIO(body)))
        return _lines({"dot_product": dot} for dot in (one * other).sum(1).tolist())

    return answers


def object2vec(kept: Path, values: Values) -> Answers:
    """Scores."""
    import torch

    network = _loaded(network_fits.encoders(values), kept)

    def answers(body: str) -> str:
        pairs = torch.tensor([[each["in0"][0], each["in1"][0]] for each in _told(body)])
        with torch.inference_mode():
            return _lines({"scores": [score]} for score in network_fits.scores(network, pairs).tolist())

    return answers


def seq2seq(kept: Path, values: Values) -> Answers:
    """Translations, by the same search, one after the other."""
    from sagewright_container.algorithms.seq2seq_search import translate

    network = _loaded(network_fits.translator(values), kept)

    def answer(text: str) -> Mapping[str, str]:
        words = translate(network, [int(word[1:]) + len(SPECIAL) for word in text.split()], 5, PHRASE).words
        return {"target": " ".join(f"w{word - len(SPECIAL)}" if word >= len(SPECIAL) else "<unk>" for word in words)}

    return lambda body: _lines(answer(each["data"]) for each in _told(body))


def deepar(kept: Path, values: Values) -> Answers:
    """Means and quantiles of a hundred paths."""
    from gluonts.dataset.common import ListDataset
    from gluonts.torch.model.predictor import PyTorchPredictor

    predictor = PyTorchPredictor.deserialize(kept, device="cpu")
    levels = [f"0.{tenth}" for tenth in range(1, 10)]

    def answer(forecast: Any) -> Mapping[str, Any]:
        quantiles = {level: forecast.quantile(float(level)).tolist() for level in levels}
        return {"mean": forecast.mean.tolist(), "quantiles": quantiles}

    return lambda body: _lines(
        answer(forecast)
        for forecast in predictor.predict(ListDataset(_told(body), freq=str(values["time_freq"])), num_samples=100)
    )


LOADS: Final[Mapping[str, Callable[[Path, Values], Answers]]] = {
    "blazingtext": blazingtext,
    "blazingtext-supervised": classifier,
    "lda": lda,
    "ntm": ntm,
    "ipinsights": ipinsights,
    "object2vec": object2vec,
    "seq2seq": seq2seq,
    "forecasting-deepar": deepar,
}


def _loaded(network: Any, kept: Path) -> Any:
    import torch

    network.load_state_dict(torch.load(kept, weights_only=True))
    return network.eval()


def _told(body: str) -> list[Any]:
    return [json.loads(line) for line in body.splitlines()]


def _lines(answers: Iterable[Mapping[str, Any]]) -> str:
    return "".join(f"{json.dumps(answer)}\n" for answer in answers)


def _numbers(body: str) -> Any:
    import numpy as np
    import pandas as pd

    return pd.read_csv(io.StringIO(body), header=None, dtype=np.float32).to_numpy()


def _csv(answers: Any) -> str:
    import pandas as pd

    text: str = pd.DataFrame(answers).to_csv(header=False, index=False)
    return text
