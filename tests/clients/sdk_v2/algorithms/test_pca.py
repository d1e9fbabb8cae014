"""Principal components through their class in the SDK v2: digits by their pixels, read while they come (FastFile)."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sagemaker import PCA
from sagemaker.amazon.amazon_estimator import RecordSet
from sagemaker.amazon.common import write_numpy_to_dense_tensor


@pytest.fixture(scope="module")
def pixels(sample: Callable[[str], np.ndarray]) -> np.ndarray:
    return sample("digits.csv")[:, 1:]


@pytest.fixture(scope="module")
def estimator(about: dict[str, Any], session: Any, bucket: str, pixels: np.ndarray) -> PCA:
    file = io.BytesIO()
    write_numpy_to_dense_tensor(file, pixels)
    session.boto_session.client("s3").put_object(Bucket=bucket, Key="pixels/part-0", Body=file.getvalue())
    made = PCA(num_components=3, input_mode="FastFile", **about)  # which goes with prefixes, not with manifests
    made.fit(RecordSet(f"s3://{bucket}/pixels/", *pixels.shape, "S3Prefix"), logs=False)
    return made


@pytest.fixture(scope="module")
def projected(estimator: PCA, outside: Callable[..., Any], pixels: np.ndarray) -> np.ndarray:
    """What scikit-learn itself says of some rows, the smallest component first, as AWS answers."""
    code = "import joblib, numpy; model = joblib.load('model.joblib')\n"
    code += "print(json.dumps(model.transform(numpy.array(given[0], 'float32'))[:, ::-1].tolist()))"
    return np.array(outside(estimator, "scikit-learn", code, pixels[:20].tolist()))


def test_the_last_coordinate_is_the_one_that_tells_most(
    estimator: PCA,
    pixels: np.ndarray,
    projected: np.ndarray,
    deploy: Callable[..., Any],
    delete: Callable[..., None],
) -> None:
    predictor = deploy(estimator)
    answers = predictor.predict(pixels)
    delete(predictor)
    found = np.array([answer.label["projection"].float32_tensor.values for answer in answers])
    np.testing.assert_allclose(found[:20], projected, atol=1e-3)
    centred = pixels.astype(float) - pixels.mean(axis=0)
    largest = np.linalg.svd(centred, compute_uv=False)[:3] ** 2
    np.testing.assert_allclose((found**2).sum(axis=0), largest[::-1], rtol=1e-3)


def test_a_batch_of_rows(
    estimator: PCA, transformed: Callable[..., Any], pixels: np.ndarray, projected: np.ndarray
) -> None:
    text = "".join(",".join(str(int(value)) for value in row) + "\n" for row in pixels[:20])
    lines = transformed(estimator, "components", text, content_type="text/csv", accept="text/csv").split()
    np.testing.assert_allclose([[float(cell) for cell in line.split(",")] for line in lines], projected, atol=1e-3)
