"""TabTransformer as a plain loop, each a process of its own: `categories.py {make|train|predict|rate} NAME FOLDER …`.

make NAME FOLDER ROWS       six numbers and four categories: the channel `train`, and in FOLDER/asked without labels
train NAME FOLDER           read the channel with pandas, fit, keep the model
predict NAME FOLDER         read FOLDER/asked, predict, write the answers
rate NAME FOLDER SECONDS    some hundred rows at a time, text to text: prints rows a second
"""

from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

BATCH: Final = 500
_NUMBERS, _CATEGORIES, _WORDS = 6, 4, 8
CLASSIFY: Final = "pytorch-tabtransformerclassification-model"
REGRESS: Final = "pytorch-tabtransformerregression-model"
SETTINGS: Final[Mapping[str, object]] = {"n_epochs": 1, "batch_size": 1000, "n_blocks": 2, "input_dim": 16}


def make(name: str, folder: Path, rows: int) -> None:
    """A label that hangs on a number and on a category."""
    import numpy as np
    import pandas as pd

    train, asked = folder / "channels" / "train", folder / "asked"
    train.mkdir(parents=True)
    asked.mkdir()
    random = np.random.default_rng(0)
    numbers = random.normal(size=(rows, _NUMBERS)).round(4)
    groups = random.integers(_WORDS, size=(rows, _CATEGORIES))
    label = (numbers[:, 0] * 2 + groups[:, 0]).round(3)
    columns = {f"n{at}": numbers[:, at] for at in range(_NUMBERS)}
    columns |= {f"c{at}": [f"g{group}" for group in groups[:, at]] for at in range(_CATEGORIES)}
    features = pd.DataFrame(columns)
    features.to_csv(asked / "rows.csv", header=False, index=False)
    features.insert(0, "label", (label > _WORDS / 2).astype(int) if name == CLASSIFY else label)
    features.to_csv(train / "rows.csv", header=False, index=False)
    categorical = list(range(1 + _NUMBERS, 1 + _NUMBERS + _CATEGORIES))
    (train / "categorical_index.json").write_text(json.dumps({"cat_index_list": categorical}))


def _network(name: str) -> Any:
    from sagewright_container.algorithms.tabtransformer_network import Shape, TabTransformer

    words = dict.fromkeys(range(_NUMBERS, _NUMBERS + _CATEGORIES), _WORDS)
    outputs = 2 if name == CLASSIFY else 1
    return TabTransformer(Shape(_NUMBERS + _CATEGORIES, words, outputs, 16, 2, 0.2, 0.1, 0.25))


def _read(source: Any, before: int) -> Any:
    """CSV as scripts read it, categories as numbers; so many columns are before the features."""
    import numpy as np
    import pandas as pd
    import torch

    told = pd.read_csv(source, header=None)
    words = [f"g{number}" for number in range(_WORDS)]
    for column in range(before + _NUMBERS, before + _NUMBERS + _CATEGORIES):
        told[column] = pd.Categorical(told[column], words).codes
    return torch.from_numpy(told.to_numpy(np.float32))


def train(name: str, folder: Path) -> None:
    """With a fifth held back to be measured, as ours."""
    import torch
    from torch.nn import functional

    rows = _read(folder / "channels" / "train" / "rows.csv", 1)
    held = len(rows) // 5
    label, features = rows[held:, 0], rows[held:, 1:]
    network = _network(name)
    network.fit_scales(features, None if name == CLASSIFY else label)
    steps = torch.optim.Adam(network.parameters(), 0.001)
    network.train()
    for part in torch.randperm(len(features)).split(int(str(SETTINGS["batch_size"]))):
        found = network(features[part])
        if name == CLASSIFY:
            loss = functional.cross_entropy(found, label[part].long())
        else:
            loss = functional.mse_loss(found[:, 0], (label[part] - network.target[0]) / network.target[1])
        steps.zero_grad()
        loss.backward()
        steps.step()
    network.eval()
    with torch.inference_mode():
        for part in rows[:held, 1:].split(4096):
            network(part)
    torch.save(network.state_dict(), folder / "plain.pt")


def _loaded(name: str, folder: Path) -> Any:
    import torch

    network = _network(name)
    network.load_state_dict(torch.load(folder / "plain.pt"))
    return network


def _answer(network: Any, source: Any, target: Any) -> None:
    import pandas as pd

    pd.DataFrame(network.predicted(_read(source, 0))).to_csv(target, header=False, index=False)


def predict(name: str, folder: Path) -> None:
    """From file to file."""
    _answer(_loaded(name, folder), folder / "asked" / "rows.csv", folder / "answers.csv")


def rate(name: str, folder: Path, seconds: float) -> float:
    """From text to text."""
    network = _loaded(name, folder)
    with (folder / "asked" / "rows.csv").open() as file:
        body = "".join(next(file) for _ in range(BATCH))
    done, begun = 0, time.perf_counter()
    while time.perf_counter() - begun < seconds or done < 2:
        _answer(network, io.StringIO(body), io.StringIO())
        done += 1
    return done * BATCH / (time.perf_counter() - begun)


if __name__ == "__main__":
    what, name, *more = sys.argv[1:]
    if what == "make":
        make(name, Path(more[0]), int(more[1]))
    elif what == "train":
        train(name, Path(more[0]))
    elif what == "predict":
        predict(name, Path(more[0]))
    else:
        print(rate(name, Path(more[0]), float(more[1])))
