"""What hurts in local runs elsewhere: no keys, no internet, try after try, several endpoints at once."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sagemaker.remote_function import remote
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


@pytest.fixture
def prepared(session: Any, estimator: Callable[..., SKLearn], uploaded: str) -> None:
    """The environments of a first job and a first remote function are made: that needs an index once."""
    remote(lambda: None, instance_type="ml.m5.large", sagemaker_session=session)()
    estimator(**{"n-estimators": 5}).fit({"train": uploaded}, logs="None")


@pytest.fixture
def cut_off(prepared: None, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Any:
    """A server that reaches nothing beyond this machine."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
    monkeypatch.setenv("PIP_RETRIES", "0")
    return request.getfixturevalue("own_server")


def test_no_keys_and_no_internet(cut_off: Any, tmp_path: Path) -> None:
    told = {name: value for name, value in cut_off.environment().items() if not name.startswith("SAGEWRIGHT")}
    mine = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    wanted = ("AWS_", "SAGEMAKER_", "BOTOCORE_", "PYTHONPATH", "NO_PROXY", "no_proxy", "HTTP", "http")
    given = {name: value for name, value in told.items() if name.startswith(wanted)}
    command = [sys.executable, str(SCRIPTS / "inner_loop.py")]
    arguments = [str(ROOT / "examples/housing/train.py"), str(ROOT / "examples/housing.csv")]
    done = subprocess.run(
        [*command, *arguments], check=False, env={**given, **mine}, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])
    assert answer == {"answer": 42, "job": "Completed", "bucket": "sagemaker-us-east-1-123456789012"}
