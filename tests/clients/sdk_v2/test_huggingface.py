"""Hugging Face with the SDK v2: a small BERT learns from reviews, and serves as a pipeline and by own functions."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sagemaker.deserializers import StringDeserializer
from sagemaker.huggingface import HuggingFace, HuggingFaceModel

SCRIPTS = Path(__file__).parents[1] / "scripts"
OWN = """
def output_fn(prediction, accept):
    return ",".join(each["label"] for each in prediction), "text/csv"
"""


@pytest.fixture(scope="module")
def estimator(session: Any, role: str) -> HuggingFace:
    made = HuggingFace(
        entry_point="hugging_face_reviews.py",
        source_dir=str(SCRIPTS),
        role=role,
        transformers_version="4.28.1",
        pytorch_version="2.0.0",
        py_version="py310",
        instance_count=1,
        instance_type="ml.g4dn.xlarge",  # the SDK knows this image for GPUs alone; the job gets what the machine has
        hyperparameters={"epochs": 5},
        metric_definitions=[{"Name": "accuracy", "Regex": r"accuracy=([0-9.]+);"}],
        sagemaker_session=session,
    )
    made.fit({"train": session.upload_data(str(SCRIPTS / "reviews.csv"), key_prefix="reviews")}, logs=False)
    return made


def test_the_trainer_learns(estimator: HuggingFace) -> None:
    metrics = estimator.latest_training_job.describe()["FinalMetricDataList"]
    assert {metric["MetricName"]: metric["Value"] for metric in metrics}["accuracy"] > 0.8


def test_the_estimator_deploys_a_pipeline(
    estimator: HuggingFace, deploy: Callable[..., Any], delete: Callable[..., None]
) -> None:
    predictor = deploy(estimator)
    answers = predictor.predict({"inputs": ["the worst film of the year", "a wonderful and moving story"]})
    assert {answer["label"] for answer in answers} <= {"negative", "positive"}
    assert len(answers) == 2
    delete(predictor)


def test_a_model_in_a_later_image_has_functions_of_its_own(
    estimator: HuggingFace,
    session: Any,
    role: str,
    tmp_path: Path,
    deploy: Callable[..., Any],
    delete: Callable[..., None],
) -> None:
    (tmp_path / "inference.py").write_text(OWN)
    model = HuggingFaceModel(
        model_data=estimator.model_data,
        role=role,
        entry_point="inference.py",
        source_dir=str(tmp_path),
        transformers_version="4.51.3",
        pytorch_version="2.6.0",
        py_version="py312",
        env={"HF_TASK": "text-classification"},
        sagemaker_session=session,
    )
    predictor = deploy(model, deserializer=StringDeserializer())
    assert set(predictor.predict({"inputs": ["dull", "brilliant"]}).split(",")) <= {"negative", "positive"}
    delete(predictor)
