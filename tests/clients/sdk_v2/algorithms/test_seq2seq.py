"""Sequence-to-Sequence as AWS's notebook uses it: records and vocabularies in, sentences out."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable
from typing import Any

import pytest

SPECIAL = ["<pad>", "<unk>", "<s>", "</s>"]


def records(count: int, seed: int) -> bytes:
    """Sentences of three words out of four, each with its translation word by word."""
    from sagemaker.amazon.common import _write_recordio
    from sagemaker.amazon.record_pb2 import Record

    chance, file = random.Random(seed), io.BytesIO()
    for _ in range(count):
        record, words = Record(), [chance.randrange(4, 8) for _ in range(3)]
        for name in ("source", "target"):
            record.features[name].int32_tensor.values.extend(words)
        _write_recordio(file, record.SerializeToString())
    return file.getvalue()


@pytest.fixture(scope="module")
def estimator(session: Any, role: str, bucket: str, run: Any) -> Any:
    import sagemaker
    from sagemaker.estimator import Estimator

    made = Estimator(
        sagemaker.image_uris.retrieve("seq2seq", session.boto_region_name),
        role,
        1,
        "ml.m5.large",
        sagemaker_session=session,
        environment={"OMP_NUM_THREADS": "1"},
        hyperparameters={
            "rnn_num_hidden": 32,
            "num_embed_source": 16,
            "num_embed_target": 16,
            "max_seq_len_target": 5,
            "learning_rate": 0.02,
            "batch_size": 32,
            "max_num_epochs": 3,
            "bleu_sample_size": 5,
        },
    )
    s3 = session.boto_session.client("s3")
    files = {"train/train.rec": records(800, 0), "validation/val.rec": records(40, 1)}
    for language in ("src", "trg"):
        words = {word: number for number, word in enumerate([*SPECIAL, *(f"{language}{n}" for n in range(4))])}
        files[f"vocab/vocab.{language}.json"] = json.dumps(words).encode()
    for name, body in files.items():
        s3.put_object(Bucket=bucket, Key=f"seq2seq/{name}", Body=body)
    made.files = run(made, {name: f"s3://{bucket}/seq2seq/{name}/" for name in ("train", "validation", "vocab")})
    return made


def test_the_metrics_are_told(estimator: Any) -> None:
    told = estimator.latest_training_job.describe()["FinalMetricDataList"]
    assert {each["MetricName"] for each in told} == {f"validation:{n}" for n in ("accuracy", "bleu", "perplexity")}
    assert {"model.safetensors", "vocab.src.json", "vocab.trg.json"} <= set(estimator.files)


def test_an_endpoint_translates(estimator: Any, deploy: Callable[..., Any], delete: Callable[..., None]) -> None:
    from sagemaker.deserializers import JSONDeserializer
    from sagemaker.serializers import JSONSerializer

    predictor = deploy(estimator, serializer=JSONSerializer(), deserializer=JSONDeserializer())
    instance = {"data": "src0 src1 src2", "configuration": {"attention_matrix": "true"}}
    (answer,) = predictor.predict({"instances": [instance]})["predictions"]
    delete(predictor)
    assert answer["target"] == "trg0 trg1 trg2"
    assert [len(row) for row in answer["matrix"]] == [3, 3, 3]


def test_a_batch_of_lines_is_translated(estimator: Any, transformed: Callable[..., str]) -> None:
    text = '{"data": "src3 src2 src1"}\n{"data": "src0 src0 src3"}\n'
    lines = transformed(
        estimator, "sentences", text, content_type="application/jsonlines", accept="application/jsonlines"
    )
    assert [json.loads(line)["target"] for line in lines.splitlines()] == ["trg3 trg2 trg1", "trg0 trg0 trg3"]


def test_safetensors_reads_the_model(estimator: Any, outside: Callable[..., Any]) -> None:
    code = "from safetensors.torch import load_file\n"
    code += "print(json.dumps(sum(each.numel() for each in load_file('model.safetensors').values())))"
    assert outside(estimator, "pytorch", code) > 1000
