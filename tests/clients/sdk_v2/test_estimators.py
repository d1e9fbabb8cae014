"""What SDK v2's estimators can say beside their script and data, each seen by the script or told by the job."""

import io
import json
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from sagemaker.algorithm import AlgorithmEstimator
from sagemaker.analytics import TrainingJobAnalytics
from sagemaker.estimator import Estimator
from sagemaker.exceptions import UnexpectedStatusException
from sagemaker.sklearn import SKLearn

pytestmark = pytest.mark.usefixtures("hurried")

SCRIPTS = Path(__file__).parents[1] / "scripts"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"


@pytest.fixture
def make(session: Any, role: str, bucket: str) -> Callable[..., Any]:
    """An estimator of the script that looks around."""

    def make(kind: Any = SKLearn, **options: Any) -> Any:
        common = {"role": role, "sagemaker_session": session, "instance_type": "ml.m5.large", "instance_count": 1}
        framework = {"framework_version": "1.2-1"} if kind is SKLearn else {"image_uri": IMAGE}
        script = {"entry_point": str(SCRIPTS / "look.py"), "output_path": f"s3://{bucket}/estimators"}
        return kind(**{**common, **framework, **script, **options})

    return make


def fetch(uri: str) -> bytes:
    bucket, key = uri.removeprefix("s3://").split("/", 1)
    body: bytes = boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return body


def seen(estimator: Any) -> dict[str, Any]:
    """What the script noted."""
    with tarfile.open(fileobj=io.BytesIO(fetch(estimator.model_data))) as archive:
        member = archive.extractfile("seen.json")
        assert member is not None
        return dict(json.load(member))


def described(estimator: Any) -> dict[str, Any]:
    return dict(estimator.latest_training_job.describe())


HYPERPARAMETERS: dict[str, Any] = {
    "whole": 3,
    "half": 0.5,
    "tiny": 1e-12,
    "yes": True,
    "nothing": None,
    "name": "Zoë's “model” ☃",
    "number-like": "007",
    "quoted": '"7"',
    "list": [1, "two", None],
    "nested": {"layers": [{"units": 8, "bias": False}], "ünï": "cödé"},
    "long": "x" * 2400,
    "n": 1,
}


def test_all_that_an_estimator_says_reaches_the_script(
    make: Callable[..., Any], session: Any, uploaded: str, bucket: str, tmp_path: Path
) -> None:
    (tmp_path / "helpers").mkdir()
    (tmp_path / "helpers/words.py").write_text("GREETING = 'moin'\n")
    ec2 = boto3.client("ec2")
    subnet = ec2.describe_subnets()["Subnets"][0]
    group = ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [subnet["VpcId"]]}])["SecurityGroups"][0]
    estimator = make(
        base_job_name="says-all",
        hyperparameters=dict(HYPERPARAMETERS),
        environment={"MY_MOOD": "fine", "MY_WORD": "cödé"},
        dependencies=[str(tmp_path / "helpers")],
        code_location=f"s3://{bucket}/code",
        container_log_level=10,
        tags=[{"Key": "team", "Value": "north"}],
        max_run=1800,
        max_wait=3600,
        use_spot_instances=True,
        max_retry_attempts=2,
        volume_size=11,
        subnets=[subnet["SubnetId"]],
        security_group_ids=[group["GroupId"]],
        encrypt_inter_container_traffic=True,
        enable_sagemaker_metrics=True,
        metric_definitions=[{"Name": "loss", "Regex": "loss=([0-9.]+);"}],
    )
    estimator.fit({"train": uploaded, "more": uploaded}, logs="None")
    found = seen(estimator)
    assert found["hyperparameters"] == HYPERPARAMETERS
    assert (found["environment"]["MY_MOOD"], found["environment"]["MY_WORD"]) == ("fine", "cödé")
    assert found["environment"]["SM_LOG_LEVEL"] == "10"
    assert found["environment"]["SM_HP_WHOLE"] == "3"
    assert found["channels"] == {"train": ["housing.csv"], "more": ["housing.csv"]}
    assert found["code"] == ["look.py", "words.py"] or found["code"] == ["helpers", "look.py"]
    assert found["network"]
    job = described(estimator)
    assert job["TrainingJobName"].startswith("says-all-")
    assert job["VpcConfig"] == {"Subnets": [subnet["SubnetId"]], "SecurityGroupIds": [group["GroupId"]]}
    assert job["StoppingCondition"] == {"MaxRuntimeInSeconds": 1800, "MaxWaitTimeInSeconds": 3600}
    assert job["RetryStrategy"] == {"MaximumRetryAttempts": 2}
    assert job["ResourceConfig"]["VolumeSizeInGB"] == 11
    assert job["EnableManagedSpotTraining"]
    assert job["EnableInterContainerTrafficEncryption"]
    assert job["AlgorithmSpecification"]["EnableSageMakerMetricsTimeSeries"]
    assert 0 < job["BillableTimeInSeconds"] <= job["TrainingTimeInSeconds"]
    assert json.loads(job["HyperParameters"]["sagemaker_submit_directory"]).startswith(f"s3://{bucket}/code/says-all-")
    assert session.list_tags(job["TrainingJobArn"])[0] == {"Key": "team", "Value": "north"}


def test_the_log_is_shown_as_it_is_asked_for(
    make: Callable[..., Any], uploaded: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = {}
    for logs in ("All", "Training", "None", False):
        estimator = make()
        estimator.fit({"train": uploaded}, logs=logs)
        shown[logs] = "the script has looked around" in capsys.readouterr().out
    assert shown == {"All": True, "Training": True, "None": False, False: False}
    attached = SKLearn.attach(estimator.latest_training_job.name, sagemaker_session=estimator.sagemaker_session)
    attached.logs()
    assert "the script has looked around" in capsys.readouterr().out


def test_a_job_is_left_alone_and_found_again(make: Callable[..., Any], session: Any, uploaded: str) -> None:
    estimator = make(tags=[{"Key": "team", "Value": "north"}], hyperparameters={"linger": 0.5})
    estimator.fit({"train": uploaded}, wait=False)
    assert described(estimator)["TrainingJobStatus"] == "InProgress"
    attached = SKLearn.attach(estimator.latest_training_job.name, sagemaker_session=session)  # waits for it
    assert described(attached)["TrainingJobStatus"] == "Completed"
    assert attached.tags == [{"Key": "team", "Value": "north"}]
    assert attached.hyperparameters()["linger"] == "0.5"


def test_metrics_are_a_data_frame(make: Callable[..., Any], session: Any) -> None:
    metrics = [{"Name": "loss", "Regex": "loss=([0-9.]+);"}, {"Name": "epoch", "Regex": "epoch=([0-9]+) "}]
    estimator = make(Estimator, metric_definitions=metrics, hyperparameters={"epochs": 4})
    estimator.fit(logs="None")
    frame = TrainingJobAnalytics(estimator.latest_training_job.name, sagemaker_session=session).dataframe()
    assert set(frame.columns) == {"timestamp", "metric_name", "value"}
    assert set(frame["metric_name"]) == {"loss", "epoch"}
    only = TrainingJobAnalytics(
        estimator.latest_training_job.name, metric_names=["loss"], sagemaker_session=session, period=60
    ).dataframe()
    assert only["value"].tolist() == pytest.approx([(1 + 0.5 + 0.333 + 0.25) / 4], abs=0.01) or len(only) > 1
    final = {each["MetricName"]: each["Value"] for each in described(estimator)["FinalMetricDataList"]}
    assert final == {"loss": 0.25, "epoch": 3}
    assert estimator.training_job_analytics.dataframe().equals(frame)


def test_an_isolated_job_has_no_network(make: Callable[..., Any], uploaded: str) -> None:
    estimator = make(Estimator, enable_network_isolation=True)
    estimator.fit({"train": uploaded}, logs="None")
    assert not seen(estimator)["network"]
    assert described(estimator)["EnableNetworkIsolation"]


def test_a_job_out_of_time_keeps_its_model(make: Callable[..., Any]) -> None:
    estimator = make(hyperparameters={"linger": 600}, max_run=10)  # it has begun by then on a busy machine too
    estimator.fit(logs="None")
    job = described(estimator)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert seen(estimator)["hyperparameters"] == {"linger": 600}


def test_training_goes_on_from_a_model_and_from_checkpoints(
    make: Callable[..., Any], bucket: str, unique: Callable[[str], str]
) -> None:
    place = f"s3://{bucket}/{unique('checkpoints')}"
    first = make(hyperparameters={"epochs": 2}, checkpoint_s3_uri=place)
    first.fit(logs="None")
    second = make(checkpoint_s3_uri=place, model_uri=first.model_data, model_channel_name="earlier")
    second.fit(logs="None")
    found = seen(second)
    assert found["checkpoints"] == ["epoch-0", "epoch-1"]
    assert found["channels"] == {"earlier": ["model.tar.gz"]}
    assert described(second)["CheckpointConfig"]["S3Uri"] == place


def test_a_model_is_left_as_files(make: Callable[..., Any], bucket: str) -> None:
    estimator = make(disable_output_compression=True)
    estimator.fit(logs="None")
    place = f"s3://{bucket}/estimators/{estimator.latest_training_job.name}/output"
    assert estimator.model_data == {
        "S3DataSource": {"S3Uri": f"{place}/model/", "S3DataType": "S3Prefix", "CompressionType": "None"}
    }
    assert json.loads(fetch(f"{place}/model/seen.json"))["code"] == ["look.py"]
    assert fetch(f"{place}/output/notes.txt") == b"made on the way\n"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A git repository of this machine, which git itself takes in the place of one that the SDK accepts."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src/look.py").write_text((SCRIPTS / "look.py").read_text())
    (tmp_path / "src/beside.py").write_text("")
    git = ["git", "-C", str(tmp_path), "-c", "user.name=t", "-c", "user.email=t@example.com"]
    for words in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "one"]):
        subprocess.run([*git, *words], check=True)
    commit = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    address = "https://git.example.com/code.git"
    setting = {"COUNT": "1", "KEY_0": f"url.file://{tmp_path}.insteadOf", "VALUE_0": address}
    for name, value in setting.items():
        monkeypatch.setenv(f"GIT_CONFIG_{name}", value)
    return {"repo": address, "branch": "main", "commit": commit}


def test_code_comes_from_git(make: Callable[..., Any], repository: dict[str, str]) -> None:
    estimator = make(git_config=repository, entry_point="look.py", source_dir="src")
    estimator.fit(logs="None")
    assert seen(estimator)["code"] == ["beside.py", "look.py"]


def test_a_container_is_told_its_command(make: Callable[..., Any]) -> None:
    command = "echo $0 $1 > /opt/ml/model/seen.json; exit $2"
    estimator = make(
        Estimator,
        entry_point=None,
        container_entry_point=["/bin/sh", "-c", command],
        container_arguments=["one", "two", "0"],
    )
    estimator.fit(logs="None")
    with tarfile.open(fileobj=io.BytesIO(fetch(estimator.model_data))) as archive:
        member = archive.extractfile("seen.json")
        assert member is not None
        assert member.read() == b"one two\n"
    failing = make(Estimator, entry_point=None, container_entry_point=["/bin/sh", "-c", "echo alas; exit 3"])
    with pytest.raises(UnexpectedStatusException, match=r"AlgorithmError: .*alas, exit code: 3"):
        failing.fit(logs="None")


ALGORITHM: dict[str, Any] = {
    "TrainingImage": IMAGE,
    "SupportedHyperParameters": [
        {"Name": "epochs", "Type": "Integer", "IsTunable": False, "IsRequired": False, "DefaultValue": "2"},
        {"Name": "sagemaker_program", "Type": "FreeText", "IsRequired": True},
        {"Name": "sagemaker_submit_directory", "Type": "FreeText", "IsRequired": True},
    ],
    "SupportedTrainingInstanceTypes": ["ml.m5.large"],
    "SupportsDistributedTraining": False,
    "MetricDefinitions": [{"Name": "loss", "Regex": "loss=([0-9.]+);"}],
    "TrainingChannels": [
        {
            "Name": "train",
            "IsRequired": True,
            "SupportedContentTypes": ["text/csv"],
            "SupportedCompressionTypes": ["None"],
            "SupportedInputModes": ["File"],
        }
    ],
}


def test_an_algorithm_trains_in_its_image(
    session: Any, role: str, uploaded: str, source: Callable[[Path], str], unique: Callable[[str], str]
) -> None:
    name = unique("look")
    session.sagemaker_client.create_algorithm(AlgorithmName=name, TrainingSpecification=ALGORITHM)
    arn = session.sagemaker_client.describe_algorithm(AlgorithmName=name)["AlgorithmArn"]
    estimator = AlgorithmEstimator(arn, role, 1, "ml.m5.large", sagemaker_session=session)
    with pytest.raises(ValueError, match="Invalid hyperparameter"):
        estimator.set_hyperparameters(width=3)
    submit = source(SCRIPTS / "look.py")
    estimator.set_hyperparameters(sagemaker_program="look.py", sagemaker_submit_directory=submit)
    estimator.fit({"train": uploaded}, logs=False)
    job = described(estimator)
    assert job["AlgorithmSpecification"]["AlgorithmName"] == arn
    assert job["FinalMetricDataList"][0]["MetricName"] == "loss"
    assert seen(estimator)["hyperparameters"] == {"epochs": 2}
    with pytest.raises(session.sagemaker_client.exceptions.ClientError, match="requires the channels train"):
        estimator.fit(logs=False)
