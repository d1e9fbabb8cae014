"""IP Insights through its class in the SDK v2: logins from two networks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from sagemaker import IPInsights
from sagemaker.amazon.amazon_estimator import RecordSet


@pytest.fixture(scope="module")
def logins() -> list[tuple[str, str]]:
    """Those with even numbers come from 10.7.*, the others from 192.168.*."""
    random = np.random.default_rng(0)
    found = []
    for who, subnet, host in zip(*(random.integers(0, top, 1500) for top in (40, 4, 256)), strict=True):
        found.append((f"user{who}", f"{'192.168' if who % 2 else '10.7'}.{subnet}.{host}"))
    return found


@pytest.fixture(scope="module")
def estimator(about: dict[str, Any], session: Any, bucket: str, logins: list[tuple[str, str]]) -> IPInsights:
    made = IPInsights(num_entity_vectors=200, vector_dim=16, epochs=25, learning_rate=0.02, **about)
    records = []
    for name, some in (("train", logins[:1000]), ("validation", logins[1000:])):
        body = "".join(f"{who},{address}\n" for who, address in some)
        session.boto_session.client("s3").put_object(Bucket=bucket, Key=f"logins/{name}/part.csv", Body=body)
        records.append(RecordSet(f"s3://{bucket}/logins/{name}", len(some), 2, "S3Prefix", name))
    made.fit(records, mini_batch_size=200, logs=False)
    return made


@pytest.fixture(scope="module")
def predictor(estimator: IPInsights, deploy: Callable[..., Any], delete: Callable[..., None]) -> Iterator[Any]:
    made = deploy(estimator)
    yield made
    delete(made)


def test_a_login_from_elsewhere_has_a_low_product(predictor: Any) -> None:
    usual, odd = predictor.predict([["user2", "10.7.1.9"], ["user2", "192.168.1.9"]])["predictions"]
    assert usual["dot_product"] > 0 > odd["dot_product"]


def test_the_metrics_are_told(estimator: IPInsights, told: Callable[..., dict[str, float]]) -> None:
    assert told(estimator)["validation:discriminator_auc"] > 0.95


def test_a_batch_of_logins_gets_products(estimator: IPInsights, transformed: Callable[..., str]) -> None:
    text = "user2,10.7.1.9\nuser2,192.168.1.9\n"
    lines = transformed(estimator, "logins-batch", text, content_type="text/csv", accept="application/jsonlines")
    usual, odd = (json.loads(line)["dot_product"] for line in lines.splitlines())
    assert usual > 0 > odd


def test_py_torch_reads_the_model(estimator: IPInsights, outside: Callable[..., Any]) -> None:
    code = "import torch; saved = torch.load('model.pt', weights_only=True)\n"
    code += "print(json.dumps([sorted(saved), sum(each.numel() for each in saved['weights'].values())]))"
    names, count = outside(estimator, "pytorch", code)
    assert names == ["shape", "weights"]
    assert count > 50
