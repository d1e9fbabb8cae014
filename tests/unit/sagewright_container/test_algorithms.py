"""A job checked against an algorithm's declarations, and XGBoost's own rules."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from sagewright_container.algorithms import catalog, run
from sagewright_container.algorithms.base import Input, Job
from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.hyperparameters import validate
from sagewright_container.algorithms.xgboost import HYPERPARAMETERS, XGBOOST


class Fake:
    """An algorithm that does as it is told."""

    name = "fake"
    hyperparameters = XGBOOST.hyperparameters
    channels = XGBOOST.channels
    metrics = XGBOOST.metrics

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.job: Job | None = None

    def check(self, values: Any) -> None:
        """Anything goes."""

    def train(self, job: Job) -> None:
        """Remember the job, or fail."""
        self.job = job
        if self.error is not None:
            raise self.error


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Fake:
    algorithm = Fake()
    monkeypatch.setattr(catalog, "load", lambda _name: algorithm)
    return algorithm


def test_a_job_is_what_the_platform_wrote(folder: Any, fake: Fake) -> None:
    folder.configure(
        {"num_round": '"3"', "sagemaker_region": "x"}, {"train": {"ContentType": "Text/CSV; label_size=1"}}
    )
    assert run.train("fake") == 0
    assert fake.job is not None
    assert fake.job.hyperparameters == {"num_round": 3}
    train = fake.job.inputs["train"]
    assert (train.content_type, train.parameters, train.pipe) == ("csv", {"label_size": "1"}, False)
    assert fake.job.model_dir == f"{folder.base}/model"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ClientError("The data is odd."), "ClientError: The data is odd."),
        (KeyError("x"), "AlgorithmError: KeyError: 'x'"),
    ],
)
def test_how_a_failure_is_told(folder: Any, fake: Fake, error: Exception, reason: str) -> None:
    folder.configure({"num_round": "1"}, {"train": {}})
    fake.error = error
    assert run.train("fake") == 1
    assert folder.failure == reason


@pytest.mark.parametrize(
    ("channels", "sentence"),
    [
        ({}, "Channel train is required"),
        ({"train": {}, "test": {}}, "Channel test is not one of this algorithm's: train, validation, code."),
        ({"train": {"ContentType": "image/png"}}, "Channel train: image/png is not an accepted ContentType: csv,"),
        ({"train": {"TrainingInputMode": "Pipe"}}, "Channel train: Pipe mode does not work with libsvm data."),
    ],
)
def test_wrong_channels(folder: Any, channels: dict[str, dict[str, str]], sentence: str) -> None:
    with pytest.raises(ClientError, match=re.escape(sentence)):
        run.inputs(XGBOOST.channels, channels, folder.contract)


def test_a_pipe_is_one_file(folder: Any) -> None:
    channel = {"TrainingInputMode": "Pipe", "ContentType": "csv"}
    train = run.inputs(XGBOOST.channels, {"train": channel}, folder.contract)["train"]
    assert train.files() == [f"{folder.base}/input/data/train_0"]


def test_the_files_of_a_channel(folder: Any) -> None:
    for name in ("b.csv", "a/c.csv", ".hidden", "_SUCCESS", "_temporary/d.csv"):
        folder.write(f"input/data/train/{name}", "")
    found = Input("train", "csv", folder.contract.channel_dir("train")).files()
    assert [path.partition("train/")[2] for path in found] == ["a/c.csv", "b.csv"]


def test_what_a_tuning_job_tells_is_no_unknown_hyperparameter(folder: Any) -> None:
    folder.configure({"feature_dim": "2", "k": "2", "_tuning_objective_metric": "test:msd"}, {"train": {}})
    assert "_tuning_objective_metric" not in run.prepare(catalog.load("kmeans"), folder.contract).hyperparameters


def test_an_unknown_algorithm_is_named_with_those_there_are() -> None:
    with pytest.raises(LookupError, match=r"No built-in algorithm is called 'xgbost'\. There are: .*xgboost"):
        catalog.load("xgbost")


@pytest.mark.parametrize("name", catalog.CATALOG)
def test_every_algorithm_describes_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["describe", name]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert told["name"] == name
    assert len({row["name"] for row in told["hyperparameters"]}) == len(told["hyperparameters"])


def test_wrong_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["train"]) == 2
    assert "usage" in capsys.readouterr().err


def test_awss_metric_definitions_find_xgboosts_lines() -> None:
    line = "[12]#011train-rmse:1.25000#011validation-rmse:2.50000"
    found = {metric.name: re.findall(metric.regex, line) for metric in XGBOOST.metrics}
    assert {name: values for name, values in found.items() if values} == {
        "train:rmse": ["1.25000"],
        "validation:rmse": ["2.50000"],
    }


def values_of(**given: str) -> dict[str, Any]:
    return validate(HYPERPARAMETERS, {"num_round": "1", **given})


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"objective": "multi:softmax", "num_class": "3"},
        {"eval_metric": "error@0.7,auc", "objective": "binary:logistic"},
        {"monotone_constraints": "(1,-1)", "tree_method": "hist"},
        {"booster": "gblinear", "updater": "shotgun"},
        {"process_type": "update", "updater": "refresh,prune"},
    ],
)
def test_what_xgboost_takes(given: dict[str, str]) -> None:
    XGBOOST.check(values_of(**given))


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"objective": "multi:softmax"}, "num_class is required with objective multi:softmax"),
        ({"num_class": "3"}, "num_class is for objectives"),
        ({"eval_metric": "rsme"}, "eval_metric: rsme is not one of"),
        ({"eval_metric": "rmse@2"}, "eval_metric: rmse takes no threshold"),
        ({"eval_metric": "error@x"}, "has no number after the @"),
        ({"eval_metric": "aft-nloglik"}, "goes with objective survival:aft only"),
        ({"monotone_constraints": "(1,)"}, "monotone_constraints needs tree_method"),
        ({"interaction_constraints": "[[1]]"}, "interaction_constraints needs tree_method"),
        ({"updater": "shotgun"}, "shotgun goes with booster gblinear only"),
        ({"updater": "prune", "booster": "gblinear"}, "takes one of shotgun, coord_descent"),
        ({"updater": "grow_colmaker", "process_type": "update"}, "takes refresh and prune only"),
        ({"updater": "grow_colmaker,grow_histmaker"}, "only one of the updaters may grow trees"),
    ],
)
def test_what_xgboost_refuses(given: dict[str, str], sentence: str) -> None:
    with pytest.raises(ClientError, match=sentence):
        XGBOOST.check(values_of(**given))


def test_several_hosts_are_refused_where_aws_has_none(folder: Any) -> None:
    resources = {"hosts": ["algo-1", "algo-2"], "current_host": "algo-1"}
    folder.configure({"num_topics": "2", "feature_dim": "3"}, {"train": {}}, resources)
    assert run.train("lda") == 1
    assert folder.failure == "ClientError: lda trains on one instance, here as at AWS: set InstanceCount to 1."
