"""Object2Vec through its class in the SDK: fit, deploy, predict, transform, and the model outside."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pytest


def pair(chance: random.Random) -> dict[str, Any]:
    """Tokens below 10 belong together, and so do those above."""
    sides = [chance.randrange(2), chance.randrange(2)]
    first, second = ([chance.randrange(10) + 10 * side for _ in range(3)] for side in sides)
    return {"label": int(sides[0] == sides[1]), "in0": first, "in1": second}


@pytest.fixture(scope="module")
def estimator(session: Any, role: str, bucket: str) -> Any:
    from sagemaker import Object2Vec
    from sagemaker.amazon.amazon_estimator import RecordSet

    made = Object2Vec(
        role,
        1,
        "ml.m5.large",
        epochs=8,
        enc0_max_seq_len=3,
        enc0_vocab_size=20,
        enc0_network="pooled_embedding",
        enc0_token_embedding_dim=16,
        mlp_dim=32,
        mlp_activation="relu",
        learning_rate=0.01,
        mini_batch_size=32,
        sagemaker_session=session,
    )
    chance, s3, records = random.Random(0), session.boto_session.client("s3"), []
    for channel, count in (("train", 600), ("validation", 100)):
        lines = "\n".join(json.dumps(pair(chance)) for _ in range(count))
        s3.put_object(Bucket=bucket, Key=f"o2v/{channel}/pairs.jsonl", Body=lines)
        records.append(RecordSet(f"s3://{bucket}/o2v/{channel}/", count, 1, "S3Prefix", channel))
    made.fit(records, mini_batch_size=32, logs=False)
    return made


def test_the_metrics_are_told(estimator: Any) -> None:
    told = {
        each["MetricName"]: each["Value"] for each in estimator.latest_training_job.describe()["FinalMetricDataList"]
    }
    assert told["validation:accuracy"] > 0.9
    assert "validation:cross_entropy" in told


def test_safetensors_reads_the_model(estimator: Any, outside: Callable[..., Any]) -> None:
    code = "from safetensors.torch import load_file\n"
    code += "print(json.dumps(list(load_file('model.safetensors')['encoders.0.embedding.weight'].shape)))"
    assert outside(estimator, "pytorch", code)[1] == 16


def test_an_endpoint_scores_and_embeds(estimator: Any, deploy: Callable[..., Any], delete: Callable[..., None]) -> None:
    from sagemaker.deserializers import JSONDeserializer
    from sagemaker.serializers import JSONSerializer

    predictor = deploy(estimator, serializer=JSONSerializer(), deserializer=JSONDeserializer())
    scored = predictor.predict({"instances": [{"in0": [1, 2], "in1": [3]}, {"in0": [1, 2], "in1": [13]}]})
    embedded = predictor.predict({"instances": [{"in0": [1, 2, 3]}]})
    delete(predictor)
    together, apart = (each["scores"][1] for each in scored["predictions"])
    assert together > 0.5 > apart
    assert len(embedded["predictions"][0]["embeddings"]) == 16


def test_a_batch_is_scored(estimator: Any, session: Any, bucket: str, hurried: None) -> None:
    s3 = session.boto_session.client("s3")
    lines = "\n".join(json.dumps({"in0": [1], "in1": [number]}) for number in range(10))
    s3.put_object(Bucket=bucket, Key="o2v/in/p.jsonl", Body=lines)
    transformer = estimator.transformer(
        1, "ml.m5.large", strategy="MultiRecord", assemble_with="Line", output_path=f"s3://{bucket}/o2v/out"
    )
    transformer.transform(f"s3://{bucket}/o2v/in/", content_type="application/jsonlines", split_type="Line", logs=False)
    body = s3.get_object(Bucket=bucket, Key="o2v/out/p.jsonl.out")["Body"].read()
    assert [len(json.loads(line)["scores"]) for line in body.splitlines() if line.strip()] == [2] * 10
