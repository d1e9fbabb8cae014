"""scikit-learn in script mode with the SDK v2: fit, its live log, deploy, predict, attach."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sagemaker.deserializers import CSVDeserializer, JSONDeserializer, NumpyDeserializer
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.serializers import CSVSerializer, JSONSerializer, NumpySerializer
from sagemaker.sklearn import SKLearn, SKLearnModel

CLIENTS = Path(__file__).parents[1]
ROOT = CLIENTS.parents[1]


def sklearn(session: Any, role: str, script: Path, **hyperparameters: Any) -> SKLearn:
    return SKLearn(
        entry_point=str(script),
        role=role,
        instance_type="ml.m5.large",
        framework_version="1.2-1",
        hyperparameters=hyperparameters,
        sagemaker_session=session,
    )


@pytest.fixture(scope="module")
def estimator(session: Any, role: str, uploaded: str) -> SKLearn:
    """A fitted estimator, as in the first cells of a notebook."""
    made = sklearn(session, role, ROOT / "examples/housing/train.py", **{"n-estimators": 50})
    made.fit({"train": TrainingInput(uploaded, content_type="text/csv")}, logs=False)
    return made


@pytest.fixture(scope="module")
def predictor(estimator: SKLearn, deploy: Callable[..., Any], delete: Callable[..., None]) -> Iterator[Any]:
    made = deploy(estimator)
    yield made
    delete(made)


class Listener:
    """Stands in for standard output and notes, as each line comes, what `look` says then."""

    def __init__(self, look: Callable[[], Any]) -> None:
        self.look, self.heard = look, {}

    def write(self, text: str) -> int:
        for line in text.splitlines():
            if "the script" in line:
                self.heard[line[line.index("the script") :].strip()] = self.look()
        return len(text)

    def flush(self) -> None: ...

    def isatty(self) -> bool:
        return False


def test_fit_shows_the_log_while_the_job_runs(
    session: Any, role: str, uploaded: str, monkeypatch: pytest.MonkeyPatch, hurried: None, door: Any
) -> None:
    made = sklearn(session, role, CLIENTS / "scripts/linger.py", door=door.port)

    def look() -> str:
        status = str(made.latest_training_job.describe()["TrainingJobStatus"])
        if not listener.heard:
            door.wait_for(1)
            door.let_go()
        return status

    listener = Listener(look)
    monkeypatch.setattr(sys, "stdout", listener)
    made.fit({"train": uploaded}, logs=True)
    monkeypatch.undo()
    assert listener.heard["the script has begun"] == "InProgress"
    assert "the script has ended" in listener.heard


@pytest.mark.parametrize(
    ("serializer", "deserializer"),
    [
        (CSVSerializer(), CSVDeserializer()),
        (JSONSerializer(), JSONDeserializer()),
        (NumpySerializer(), NumpyDeserializer()),
    ],
    ids=["csv", "json", "npy"],
)
def test_a_prediction_is_the_same_in_every_format(
    predictor: Any, rows: list[list[float]], serializer: Any, deserializer: Any
) -> None:
    expected = predictor.predict(np.array(rows))
    predictor.serializer, predictor.deserializer = serializer, deserializer
    prices = np.array(predictor.predict(rows), dtype=float).ravel()
    predictor.serializer, predictor.deserializer = NumpySerializer(), NumpyDeserializer()
    assert prices == pytest.approx(expected, rel=1e-3)
    assert prices.min() > 5


def test_an_estimator_is_attached_by_the_jobs_name(estimator: SKLearn, session: Any) -> None:
    name = estimator.latest_training_job.name
    attached = SKLearn.attach(name, sagemaker_session=session)
    assert attached.model_data == estimator.model_data
    assert attached.hyperparameters()["n-estimators"] == "50"
    assert Estimator.attach(name, sagemaker_session=session).image_uri == estimator.training_image_uri()


def test_a_failed_fit_says_why(session: Any, role: str, uploaded: str) -> None:
    made = sklearn(session, role, CLIENTS / "scripts/fail.py")
    with pytest.raises(Exception, match="the learning rate went through the roof"):
        made.fit({"train": uploaded}, logs=False)


def test_a_model_is_deployed_from_its_artifact_alone(
    estimator: SKLearn, session: Any, role: str, rows: Any, deploy: Callable[..., Any], delete: Callable[..., None]
) -> None:
    model = SKLearnModel(
        model_data=estimator.model_data,
        role=role,
        entry_point=str(ROOT / "examples/housing/train.py"),
        framework_version="1.2-1",
        sagemaker_session=session,
    )
    predictor = deploy(model)
    assert len(predictor.predict(np.array(rows))) == 3
    delete(predictor)
