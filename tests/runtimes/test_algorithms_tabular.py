"""The data of LightGBM, CatBoost and TabTransformer: layouts, categories, and data that cannot be learnt from."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

_READ = """
import json, sys
from sagewright_container.algorithms import tabular
from sagewright_container.algorithms.base import Input, Job
from sagewright_container.algorithms.errors import ClientError

answers = []
for folder, channels, classify in json.load(sys.stdin):
    inputs = {name: Input(name, "csv", f"{folder}/{name}") for name in channels}
    try:
        data = tabular.read(Job({}, inputs, "", ""), classify=classify)
    except ClientError as error:
        answers.append(str(error))
    else:
        answers.append([data.features.shape, data.validation_features.shape, data.encoding.categories,
                        data.encoding.labels])
print(json.dumps(answers))
"""

_CATEGORIES = "categorical_index.json"

GOOD: Mapping[str, tuple[dict[str, str], bool, list[Any]]] = {
    "a fifth is held back": ({"train/a.csv": "1,2\n" * 5 + "2,3\n" * 5}, True, [[8, 1], [2, 1], {}, [1, 2]]),
    "files are joined": ({"training/a.csv": "1,2\n2,3\n", "training/b/c.csv": "3,4\n\n"}, False, [[2, 1], [1, 1]]),
    "folders of one channel": (
        {"training/training/a.csv": "0,2\n1,3\n", "training/validation/b.csv": "1,3\n"},
        True,
        [[2, 1], [1, 1], {}, [0, 1]],
    ),
    "a channel of its own": (
        {"train/a.csv": "0,2\n1,3\n", "validation/b.csv": "7,3\n"},
        True,
        [[2, 1], [1, 1], {}, [0, 1, 7]],
    ),
    "numbers as categories": (
        {
            "train/a.csv": "1,10,x\n2,9.0,\n",
            "validation/b.csv": "1,9,y\n",
            f"train/{_CATEGORIES}": '{"cat_index_list": [1, 2]}',
        },
        False,
        [[2, 2], [1, 2], {"0": ["10", "9"], "1": ["x"]}, None],
    ),
}

BAD: Mapping[str, tuple[dict[str, str], bool]] = {
    "Channel train holds no data: a.csv is empty.": ({"train/a.csv": ""}, False),
    "One of the channels train and training is required": ({"validation/a.csv": "1,2\n"}, False),
    "a.csv in channel train: Line 2 has 1 columns, the first has 2.": ({"train/a.csv": "1,2\n3\n"}, False),
    "Line 1, column 0: 'label' is no number. CSV data must have no header.": ({"train/a.csv": "label,b\n1,2\n"}, False),
    "Line 3, column 1: 'red' is no number.": ({"train/a.csv": "1,2\n1,2\n1,red\n"}, False),
    "needs a label and a feature": ({"train/a.csv": "1\n2\n"}, False),
    "a.csv in channel train: Line 2 has no label": ({"train/a.csv": "1,2\n,3\n"}, False),
    "a single row": ({"train/a.csv": "1,2\n"}, False),
    "All rows have the label 1": ({"train/a.csv": "1,2\n1,3\n1,4\n"}, True),
    "a label is 1.5. Is this a regression?": ({"train/a.csv": "1,2\n1.5,3\n"}, True),
    "The training data have 1 features, the validation data 2.": (
        {"train/a.csv": "1,2\n2,3\n", "validation/b.csv": "1,2,3\n"},
        False,
    ),
    "the files differ in their number of columns: [2, 3]": ({"train/a.csv": "1,2\n", "train/b.csv": "1,2,3\n"}, False),
    "categorical_index.json names column 2; the last one is 1": (
        {"train/a.csv": "1,2\n", f"train/{_CATEGORIES}": '{"cat_index_list": [2]}'},
        False,
    ),
    "column 0 is the label": ({"train/a.csv": "1,2\n", f"train/{_CATEGORIES}": '{"cat_index_list": [0]}'}, False),
    "categorical_index.json is not of the form": ({"train/a.csv": "1,2\n", f"train/{_CATEGORIES}": "[1]"}, False),
}


@pytest.fixture(scope="module")
def answers(container: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """What reading each case answers, all in one process."""
    cases = {**{name: case[:2] for name, case in GOOD.items()}, **BAD}
    told = []
    for files, classify in cases.values():
        folder = tmp_path_factory.mktemp("case")
        for name, text in files.items():
            _write(folder / name, text)
        told.append((str(folder), sorted({name.split("/")[0] for name in files}), classify))
    made = container("scikit-learn", "scikit-learn")
    done = made.run("-c", _READ.replace("json.load(sys.stdin)", f"json.loads({json.dumps(told)!r})"))
    assert done.returncode == 0, done.stderr
    return dict(zip(cases, json.loads(done.stdout.splitlines()[-1]), strict=True))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize("name", GOOD)
def test_data_that_are_read(answers: Mapping[str, Any], name: str) -> None:
    expected = GOOD[name][2]
    assert answers[name][: len(expected)] == expected


@pytest.mark.parametrize("sentence", BAD)
def test_data_that_cannot_be_learnt_from(answers: Mapping[str, Any], sentence: str) -> None:
    assert sentence in answers[sentence]
