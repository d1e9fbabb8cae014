"""`@remote` and `RemoteExecutor` of SDK v3."""

import os
from collections.abc import Callable
from typing import Any

import boto3
import numpy as np
import pytest

INSTANCE = "ml.m5.large"


@pytest.fixture(autouse=True)
def client(hurry: Callable[[Any], None]) -> Any:
    """The SDK's module, which wants to know the region when it is imported; it does not sleep between two looks."""
    from sagemaker.core.remote_function import client, job

    hurry(client)
    hurry(job)
    return client


@pytest.fixture
def divide() -> Callable[[float, float], float]:
    """A function as a notebook has it: one that no installed module holds."""

    def divide(a: float, b: float) -> float:
        return a / b

    return divide


def test_a_function_runs_with_what_it_asked_for(client: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "requirements.txt").write_text("inflect==7.5.0\n")
    (tmp_path / "lexicon.py").write_text("GREETING = 'moin'\n")

    @client.remote(
        instance_type=INSTANCE,
        dependencies="requirements.txt",
        include_local_workdir=True,
        pre_execution_commands=["mkdir /tmp/made-before"],
        environment_variables={"GREETED": "world"},
        job_name_prefix="v3-all",
    )
    def look(numbers: Any, power: int = 1) -> dict[str, Any]:
        import inflect
        import lexicon

        return {
            "sum": (numbers**power).sum(),
            "plural": inflect.engine().plural("rose"),
            "greeting": f"{lexicon.GREETING} {os.environ['GREETED']}",
            "before": os.path.isdir("/tmp/made-before"),
            "job": os.environ["TRAINING_JOB_NAME"],
        }

    numbers = np.arange(100_000)
    found = look(numbers, power=2)
    name = found.pop("job")
    assert name.startswith("v3-all-")
    assert found == {"sum": (numbers**2).sum(), "plural": "roses", "greeting": "moin world", "before": True}
    job = boto3.client("sagemaker").describe_training_job(TrainingJobName=name)
    assert job["TrainingJobStatus"] == "Completed"


def test_what_goes_wrong_is_raised_at_the_caller(client: Any, divide: Any) -> None:
    from sagemaker.core.remote_function.runtime_environment.runtime_environment_manager import RuntimeEnvironmentError

    with pytest.raises(ZeroDivisionError, match="division by zero"):
        client.remote(divide, instance_type=INSTANCE)(1, 0)
    with pytest.raises(RuntimeEnvironmentError, match="Neither conda nor mamba is installed"):
        client.remote(divide, instance_type=INSTANCE, job_conda_env="base")(1, 2)


def test_an_executor_runs_several(client: Any, divide: Any, unique: Callable[[str], str]) -> None:
    prefix = unique("v3-executed")
    with client.RemoteExecutor(instance_type=INSTANCE, max_parallel_jobs=1, job_name_prefix=prefix) as executor:
        assert executor.map(divide, [6, 8], [2, 2]) == [3, 4]
    assert len(list(client.list_futures(prefix))) == 2
    summaries = boto3.client("sagemaker").list_training_jobs(NameContains=prefix)["TrainingJobSummaries"]
    assert client.get_future(summaries[0]["TrainingJobName"]).result() in (3, 4)
