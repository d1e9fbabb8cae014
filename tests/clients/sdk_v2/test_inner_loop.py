"""What hurts in local runs elsewhere: try after try, several endpoints at once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sagemaker.sklearn import SKLearn

pytestmark = pytest.mark.usefixtures("hurried")

SCRIPTS = Path(__file__).parents[1] / "scripts"
ROOT = SCRIPTS.parents[2]


@pytest.fixture
def estimator(session: Any, role: str) -> Callable[..., SKLearn]:
    """An estimator of the housing example."""

    def make(**hyperparameters: Any) -> SKLearn:
        return SKLearn(
            entry_point=str(ROOT / "examples/housing/train.py"),
            role=role,
            instance_type="ml.m5.large",
            framework_version="1.2-1",
            hyperparameters=hyperparameters,
            sagemaker_session=session,
        )

    return make


def test_try_follows_try(session: Any, role: str, uploaded: str) -> None:
    jobs = []
    for number in range(10):
        made = SKLearn(
            entry_point=str(SCRIPTS / "look.py"),
            role=role,
            instance_type="ml.m5.large",
            framework_version="1.2-1",
            hyperparameters={"try": number},
            sagemaker_session=session,
        )
        made.fit({"train": uploaded}, logs="None")
        jobs.append(made.latest_training_job.describe())
    assert [job["TrainingJobStatus"] for job in jobs] == ["Completed"] * 10
    assert len({job["ModelArtifacts"]["S3ModelArtifacts"] for job in jobs}) == 10


def test_several_endpoints_answer_at_once(
    estimator: Callable[..., SKLearn],
    uploaded: str,
    deploy: Callable[..., Any],
    delete: Callable[[Any], None],
    rows: list[list[float]],
    unique: Callable[[str], str],
) -> None:
    made = estimator(**{"n-estimators": 5})
    made.fit({"train": uploaded}, logs="None")
    predictors = [deploy(made, endpoint_name=unique("at-once"), model_name=unique("at-once")) for _ in range(3)]
    answers = [predictor.predict(rows) for predictor in predictors]
    assert all((answer == answers[0]).all() for answer in answers)
    for predictor in predictors:
        delete(predictor)
