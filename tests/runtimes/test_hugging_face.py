"""The Hugging Face image, with Transformers 4 and 5: a small BERT learns with the Trainer, and serves as a pipeline."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
TENSORFLOW = """
import os
import tensorflow as tf
from transformers import BertConfig, BertTokenizerFast, TFBertForSequenceClassification

with open("/tmp/vocab.txt", "w") as file:
    file.write("\\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "dull", "brilliant"]))
tokenizer = BertTokenizerFast("/tmp/vocab.txt")
model = TFBertForSequenceClassification(
    BertConfig(vocab_size=7, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)
)
data = dict(tokenizer(["dull", "brilliant"] * 8, return_tensors="tf"))
model.compile(optimizer="adam", loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True))
model.fit(tf.data.Dataset.from_tensor_slices((data, [0, 1] * 8)).batch(4), verbose=0)
for part in (model, tokenizer):
    part.save_pretrained(os.environ["SM_MODEL_DIR"])
"""
FUNCTIONS = """
def predict_fn(data, model, context):
    return {"first": model(data["inputs"])[0]["label"]}
"""


@pytest.fixture(scope="module", params=["huggingface-4", "huggingface-4.57", "pytorch"])
def job(container: Any, request: Any) -> Any:
    made = container("huggingface", request.param)
    made.job({"sagemaker_program": '"train.py"', "epochs": "5"}, train="")
    scripts = ROOT / "tests/clients/scripts"
    made.write("code/train.py", (scripts / "hugging_face_reviews.py").read_bytes())
    made.write("input/data/train/reviews.csv", (scripts / "reviews.csv").read_bytes())
    (made.base / "model").mkdir()
    done = made.train()
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.partition("accuracy=")[2].partition(";")[0]) > 0.8
    return made


@pytest.fixture(scope="module")
def invoke(job: Any) -> Iterator[Any]:
    with job.serving() as invoke:
        yield invoke


def test_the_architecture_names_the_pipeline(invoke: Any) -> None:
    answer = invoke(json.dumps({"inputs": "a wonderful and moving film"}), "application/json")
    assert (answer.status, answer.content_type) == (200, "application/json")
    (label,) = json.loads(answer.body)
    assert label["label"] in ("negative", "positive")
    assert 0.5 <= label["score"] <= 1
    several = {"inputs": ["dull", "brilliant"], "parameters": {"top_k": 2}}
    answers = json.loads(invoke(json.dumps(several), "application/json").body)
    assert [len(each) for each in answers] == [2, 2]


def test_other_forms_of_data(invoke: Any) -> None:
    answer = invoke('inputs\n"dull, and long"\nbrilliant\n', "text/csv", "text/csv")
    lines = answer.body.decode().splitlines()
    assert (answer.content_type, lines[0], len(lines)) == ("text/csv", "label,score", 3)
    assert json.loads(invoke("dull", "text/plain").body)[0]["label"] in ("negative", "positive")
    assert invoke("dull\n", "text/csv").status == 400
    assert invoke("{", "application/json").status == 400
    assert invoke("x", "application/zip").status == 415
    assert invoke('{"inputs": "x"}', "application/json", "image/png").status == 406


@pytest.mark.parametrize("job", ["pytorch"], indirect=True)
def test_the_users_functions_come_first(job: Any, tmp_path: Path) -> None:
    made = job.copied(tmp_path)
    made.write("model/code/inference.py", FUNCTIONS)
    with made.serving(HF_TASK="sentiment-analysis") as invoke:
        answer = invoke('{"inputs": "dull"}', "application/json")
    assert json.loads(answer.body)["first"] in ("negative", "positive")


def test_a_model_for_tensorflow_is_served_by_a_pipeline_too(container: Any) -> None:
    made = container("huggingface", "huggingface-tensorflow")
    made.job({"sagemaker_program": '"train.py"'})
    made.write("code/train.py", TENSORFLOW)
    (made.base / "model").mkdir()
    done = made.train()
    assert done.returncode == 0, done.stderr
    with made.serving() as invoke:
        (label,) = json.loads(invoke('{"inputs": "dull"}', "application/json").body)
    assert label["label"] in ("LABEL_0", "LABEL_1")


def test_without_a_model_the_server_says_what_it_wants(container: Any) -> None:
    made = container("huggingface", "pytorch")
    (made.base / "model").mkdir()
    ended = made.run("-m", "sagewright_container.main", "serve", "huggingface")
    assert ended.returncode == 1
    assert "save the model and its tokenizer with save_pretrained" in ended.stderr
