"""`@remote` and `RemoteExecutor` of SDK v2: functions that run as training jobs, and all that goes with them."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pytest
import sagemaker.remote_function.client
from sagemaker.remote_function import CheckpointLocation, CustomFileFilter, RemoteExecutor, remote
from sagemaker.remote_function.client import get_future, list_futures
from sagemaker.remote_function.runtime_environment.runtime_environment_manager import RuntimeEnvironmentError

pytestmark = pytest.mark.usefixtures("hurried", "hurried_executor")

SCRIPTS = Path(__file__).parents[1] / "scripts"
ROOT = SCRIPTS.parents[2]
INSTANCE = "ml.m5.large"
SKLEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"


@pytest.fixture(scope="module")
def hurried_executor(hurry: Any) -> None:
    hurry(sagemaker.remote_function.client)


@pytest.fixture
def workdir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project folder with a module of its own, as the notebook's working folder."""
    (tmp_path / "lexicon.py").write_text("GREETING = 'moin'\n")
    (tmp_path / "secrets.env").write_text("TOKEN=x\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    sys.modules.pop("lexicon", None)


@pytest.fixture(scope="module")
def divide() -> Callable[[float, float], float]:
    """A function as a notebook has it: one that no installed module holds."""

    def divide(a: float, b: float) -> float:
        return a / b

    return divide


def test_a_function_runs_where_all_that_it_asked_for_is(
    workdir: Path, session: Any, bucket: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (workdir / "requirements.txt").write_text("inflect==7.5.0\n")
    key = boto3.client("kms").create_key()["KeyMetadata"]["Arn"]
    ignored = CustomFileFilter(ignore_name_patterns=["*.env"])

    @remote(
        instance_type=INSTANCE,
        sagemaker_session=session,
        dependencies="requirements.txt",
        include_local_workdir=True,
        custom_file_filter=ignored,
        pre_execution_commands=["pip --version > /tmp/pip.txt", "sudo -n mkdir -p /tmp/made-before"],
        environment_variables={"GREETED": "world"},
        s3_root_uri=f"s3://{bucket}/remote",
        s3_kms_key=key,
        job_name_prefix="all-of-it",
        tags=[{"Key": "team", "Value": "north"}],
        volume_size=5,
        max_runtime_in_seconds=600,
        max_retry_attempts=2,
    )
    def look(numbers: Any, power: int, checkpoints: Any) -> dict[str, Any]:
        import inflect
        import lexicon

        print("looking around")
        with open(os.path.join(checkpoints, "weights"), "w") as file:
            file.write("as far as it came")
        return {
            "sum": (numbers**power).sum(),
            "plural": inflect.engine().plural("rose"),
            "greeting": f"{lexicon.GREETING} {os.environ['GREETED']}",
            "files": sorted(os.listdir()),
            "before": sorted(name for name in ("pip.txt", "made-before") if os.path.exists(f"/tmp/{name}")),
            "job": os.environ["TRAINING_JOB_NAME"],
            "host": os.environ["SM_CURRENT_HOST"],
        }

    numbers = np.arange(2_000_000)  # 16 MB of argument
    found = look(numbers, power=2, checkpoints=CheckpointLocation(f"s3://{bucket}/remote-checkpoints"))
    assert found["sum"] == (numbers**2).sum()
    assert (found["plural"], found["greeting"], found["host"]) == ("roses", "moin world", "algo-1")
    assert found["before"] == ["made-before", "pip.txt"]
    assert "lexicon.py" in found["files"]
    assert "secrets.env" not in found["files"]
    assert "looking around" in capsys.readouterr().out
    job = session.sagemaker_client.describe_training_job(TrainingJobName=found["job"])
    assert job["OutputDataConfig"]["S3OutputPath"] == f"s3://{bucket}/remote/{found['job']}"
    assert job["OutputDataConfig"]["KmsKeyId"] == key
    assert job["RetryStrategy"] == {"MaximumRetryAttempts": 2}
    assert boto3.client("s3").get_object(Bucket=bucket, Key="remote-checkpoints/weights")["Body"].read()
    tags = session.sagemaker_client.list_tags(ResourceArn=job["TrainingJobArn"])["Tags"]
    assert {"Key": "team", "Value": "north"} in tags


@pytest.fixture(scope="module")
def failed(session: Any, divide: Any, hurried: None, hurried_executor: None) -> Exception:
    """What the caller of a function sees that ran remotely and raised."""
    with pytest.raises(ZeroDivisionError) as raised:
        remote(divide, instance_type=INSTANCE, sagemaker_session=session)(1, 0)
    return raised.value


def test_what_the_function_raises_is_raised_at_its_caller(failed: Exception) -> None:
    assert str(failed) == "division by zero"


def test_an_executor_runs_a_few_at_a_time(session: Any, divide: Any, unique: Any) -> None:
    prefix = unique("executed")
    with RemoteExecutor(
        instance_type=INSTANCE, sagemaker_session=session, max_parallel_jobs=2, job_name_prefix=prefix
    ) as executor:
        assert executor.map(divide, [6, 8], [2, 2]) == [3, 4]
        failing = executor.submit(divide, 1, 0)
        with pytest.raises(ZeroDivisionError):
            failing.result()
    futures = list(list_futures(prefix, sagemaker_session=session))
    assert len(futures) == 3
    assert all(future.done() for future in futures)
    summaries = session.sagemaker_client.list_training_jobs(NameContains=prefix)["TrainingJobSummaries"]
    names = [job["TrainingJobName"] for job in summaries if job["TrainingJobStatus"] == "Completed"]
    assert get_future(names[0], sagemaker_session=session).result() in (3, 4)
    _at_most_two_at_once(session, [job["TrainingJobName"] for job in summaries])


def _at_most_two_at_once(session: Any, names: list[str]) -> None:
    jobs = [session.sagemaker_client.describe_training_job(TrainingJobName=name) for name in names]
    spans = [(job["TrainingStartTime"], job["TrainingEndTime"]) for job in jobs]
    for begun, _ended in spans:
        assert sum(start <= begun < end for start, end in spans) <= 2


def test_a_future_is_cancelled(session: Any, eventually: Any) -> None:
    def linger() -> None:
        time.sleep(600)

    with RemoteExecutor(instance_type=INSTANCE, sagemaker_session=session) as executor:
        future = executor.submit(linger)
        eventually(future.running)
        assert future.cancel()
        assert future.cancelled()
        name = future._job.job_name
        eventually(lambda: status(session, name) == "Stopped")
    found = get_future(name, sagemaker_session=session)
    assert found.cancelled()
    assert found.result() is None


def status(session: Any, name: str) -> str:
    return str(session.sagemaker_client.describe_training_job(TrainingJobName=name)["TrainingJobStatus"])


def test_what_cannot_be_prepared_says_so(session: Any, divide: Any) -> None:
    in_conda = remote(divide, instance_type=INSTANCE, sagemaker_session=session, job_conda_env="base")
    with pytest.raises(RuntimeEnvironmentError, match="Neither conda nor mamba is installed"):
        in_conda(1, 2)
    commands = ["echo the licence has run out >&2", "exit 3"]
    badly = remote(divide, instance_type=INSTANCE, sagemaker_session=session, pre_execution_commands=commands)
    with pytest.raises(RuntimeEnvironmentError, match="the licence has run out"):
        badly(1, 2)


def test_a_framework_image_brings_the_sdk_along(session: Any) -> None:
    @remote(instance_type=INSTANCE, image_uri=SKLEARN, sagemaker_session=session, keep_alive_period_in_seconds=300)
    def fit(rows: Any, prices: Any) -> Any:
        from sklearn.linear_model import LinearRegression

        return LinearRegression().fit(rows, prices).coef_.tolist(), os.environ["TRAINING_JOB_NAME"]

    slopes, name = fit(np.arange(10.0).reshape(-1, 1), np.arange(10.0) * 3)
    assert slopes == pytest.approx([3.0])
    job = session.sagemaker_client.describe_training_job(TrainingJobName=name)
    assert job["ResourceConfig"]["KeepAlivePeriodInSeconds"] == 300
    assert job["WarmPoolStatus"]["Status"] == "Available"
    session.sagemaker_client.update_training_job(TrainingJobName=name, ResourceConfig={"KeepAlivePeriodInSeconds": 0})


@pytest.fixture
def cut_off(failed: Exception, trained: Any, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Any:
    """A server that reaches nothing beyond this machine.

    The environments of a first job and a first remote function are made by now: that needs an index once.
    """
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
