"""BlazingText in its environment: sentences of two kinds, classified and made vectors of."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from typing import Any

import pytest

GREEN = "leaf tree forest moss fern root".split()  # noqa: SIM905
BLUE = "wave ocean salt ship harbour tide".split()  # noqa: SIM905
PLAIN = {"buckets": "1000", "vector_dim": "16", "min_count": "1", "epochs": "10", "learning_rate": "0.5"}


@pytest.fixture(scope="module")
def sentences() -> list[tuple[str, str]]:
    numbers = random.Random(0)
    kinds = [("green", GREEN), ("blue", BLUE)] * 200
    return [(kind, " ".join(numbers.choices(words, k=6))) for kind, words in kinds]


def labelled(sentences: list[tuple[str, str]]) -> str:
    return "".join(f"__label__{kind} {text}\n" for kind, text in sentences)


@pytest.fixture(scope="module")
def classifier(container: Callable[..., Any], sentences: list[tuple[str, str]]) -> Any:
    made = container("blazingtext", "blazingtext")
    hyperparameters = {**PLAIN, "mode": "supervised", "early_stopping": "True", "min_epochs": "2", "patience": "2"}
    made.job(hyperparameters, train="text/plain", validation="")
    made.write("input/data/train/one", labelled(sentences[:200]))
    made.write("input/data/train/two", labelled(sentences[200:300]))
    made.write("input/data/validation/part", labelled(sentences[300:]))
    made.done = made.train()
    assert made.done.returncode == 0, made.done.stderr
    return made


@pytest.fixture(scope="module", params=["cbow", "batch_skipgram"])
def vectors(request: Any, container: Callable[..., Any], sentences: list[tuple[str, str]]) -> Any:
    made = container("blazingtext", "blazingtext")
    made.job(
        {**PLAIN, "mode": request.param, "sampling_threshold": "0.1", "learning_rate": "0.1"},
        train="text/plain",
        validation="text/csv",
    )
    made.write("input/data/train/part", "".join(f"{text}\n" for _, text in sentences))
    pairs = [f"leaf,{word},9\nleaf,{other},1\n" for word, other in zip(GREEN[1:], BLUE, strict=False)]
    made.write("input/data/validation/part", "Word 1,Word 2,Human\n" + "".join(pairs) + "leaf,unheard,5\n")
    made.done = made.train()
    assert made.done.returncode == 0, made.done.stderr
    return made


def test_texts_are_classified(classifier: Any) -> None:
    assert float(re.findall(r"#validation_accuracy: (\S+)", classifier.done.stdout)[0]) == 1
    with classifier.serving() as invoke:
        request = {"instances": ["salt and tide", "moss fern"], "configuration": {"k": 2}}
        one, other = json.loads(invoke(json.dumps(request), "application/json").body)
        assert one["label"] == ["__label__blue", "__label__green"]
        assert one["prob"][0] > 0.8 > one["prob"][1]
        assert other["label"][0] == "__label__green"
        lines = invoke('{"source": "ocean"}\n{"source": "root", "k": 2}', "application/jsonlines").body.splitlines()
        assert [json.loads(line)["label"] for line in lines] == [
            ["__label__blue"],
            ["__label__green", "__label__blue"],
        ]


def test_what_is_no_request_is_refused(classifier: Any) -> None:
    with classifier.serving() as invoke:
        for body in (
            "",
            "[]",
            '{"instances": [1]}',
            '{"instances": ["a"], "configuration": {"k": 0}}',
            '{"instances": 1}',
        ):
            assert invoke(body, "application/json").status == 400, body
        assert invoke('{"source": 1}', "application/jsonlines").status == 400
        assert invoke("a", "text/csv").status == 415
        assert invoke('{"instances": []}', "application/json", "text/csv").status == 406
        assert json.loads(invoke('{"instances": ["", "two\\nlines"]}', "application/json").body)[1]["prob"]


def test_fast_text_reads_the_classifier(classifier: Any) -> None:
    code = "import sys, fasttext; print(fasttext.load_model(sys.argv[1]).predict(['tide'])[0][0][0])"
    assert classifier.run("-c", code, str(classifier.base / "model/model.bin")).stdout == "__label__blue\n"


def test_no_training_waits_for_numpy(classifier: Any) -> None:
    code = """
import sys
from sagewright_container.algorithms import run
assert run.train("blazingtext") == 0
assert "numpy" not in sys.modules
"""
    done = classifier.run("-c", code)
    assert done.returncode == 0, done.stderr


def test_words_of_a_kind_are_alike(vectors: Any) -> None:
    assert float(re.findall(r"#mean_rho: (\S+)", vectors.done.stdout)[0]) > 0.5
    assert json.loads((vectors.base / "model/eval.json").read_text())["pairs"] == 10
    count, dimension = (vectors.base / "model/vectors.txt").read_text().splitlines()[0].split()
    assert (int(count), int(dimension)) == (13, 16)
    with vectors.serving() as invoke:
        known, unknown = json.loads(invoke('{"instances": ["leaf", "unheard"]}', "application/json").body)
    assert known["word"] == "leaf"
    assert len(known["vector"]) == 16
    assert set(unknown["vector"]) == {0}


def test_parts_of_words_tell_of_unknown_ones(container: Callable[..., Any], sentences: list[tuple[str, str]]) -> None:
    made = container("blazingtext", "blazingtext")
    made.job({**PLAIN, "mode": "skipgram", "subwords": "True", "epochs": "1"}, train="")
    made.write("input/data/train/part", "".join(f"{text}\n" for _, text in sentences))
    done = made.train()
    assert done.returncode == 0, done.stderr
    assert "No evaluation" in done.stdout
    with made.serving() as invoke:
        (answer,) = json.loads(invoke('{"instances": ["leafless"]}', "application/json").body)
    assert any(answer["vector"])


@pytest.mark.parametrize(
    ("more", "train", "reason"),
    [
        ({"mode": "supervised"}, "__label__a one\n__label__a two\n", "one label only"),
        ({"mode": "supervised", "early_stopping": "True"}, "__label__a one\n__label__b two\n", "channel validation"),
        ({"mode": "supervised"}, "no label\n", "Line 1 has no label"),
        ({"mode": "cbow", "min_count": "100"}, "so few words\n", "Empty vocabulary"),
    ],
)
def test_bad_data_is_named(container: Callable[..., Any], more: dict[str, str], train: str, reason: str) -> None:
    made = container("blazingtext", "blazingtext")
    made.job({**PLAIN, **more}, train="text/plain")
    made.write("input/data/train/part", train)
    assert made.train().returncode == 1
    assert made.failure().startswith("ClientError: ")
    assert reason in made.failure()
