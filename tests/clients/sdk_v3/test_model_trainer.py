"""What SDK v3's ModelTrainer can say beside its script and data, each seen by the script or told by the job."""

import io
import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from sagemaker.core.resources import TrainingJob
from sagemaker.core.shapes import (
    MetricDefinition,
    RetryStrategy,
    S3DataSource,
    Tag,
)
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import (
    CheckpointConfig,
    Compute,
    InputData,
    Networking,
    OutputDataConfig,
    SourceCode,
    StoppingCondition,
)

SCRIPTS = Path(__file__).parents[1] / "scripts"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """A folder with the script that looks around, and things that are to stay behind."""
    folder = tmp_path / "code"
    (folder / "deep/.git").mkdir(parents=True)
    shutil.copy(SCRIPTS / "look.py", folder)
    (folder / "secrets.env").write_text("TOKEN=x\n")
    (folder / "deep/words.py").write_text("GREETING = 'moin'\n")
    return folder


@pytest.fixture
def train(bucket: str) -> Callable[..., Any]:
    """Trains with a ModelTrainer of these options; the finished job."""

    def train(inputs: list[Any] | None = None, *, fails: bool = False, **options: Any) -> TrainingJob:
        common = {
            "training_image": IMAGE,
            "compute": Compute(instance_type="ml.m5.large", instance_count=1),
            "output_data_config": OutputDataConfig(s3_output_path=f"s3://{bucket}/trained"),
            "base_job_name": "v3-trainer",
        }
        also = options.pop("also", lambda trainer: trainer)
        trainer = also(ModelTrainer(**{**common, **options}))
        trainer.train(inputs, wait=False)
        job = trainer._latest_training_job
        if fails:
            with pytest.raises(Exception, match="Failed"):
                job.wait(poll=1, timeout=300)
        else:
            job.wait(poll=1, timeout=300)
        return job.refresh()

    return train


def fetch(uri: str) -> bytes:
    bucket, key = uri.removeprefix("s3://").split("/", 1)
    body: bytes = boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return body


def model(job: TrainingJob) -> dict[str, bytes]:
    """The files of its model."""
    with tarfile.open(fileobj=io.BytesIO(fetch(job.model_artifacts.s3_model_artifacts))) as archive:
        files = [(member.name, archive.extractfile(member)) for member in archive if member.isfile()]
        return {name: file.read() for name, file in files if file}


def seen(job: TrainingJob) -> dict[str, Any]:
    """What the script noted."""
    return dict(json.loads(model(job)["seen.json"]))


HYPERPARAMETERS: dict[str, Any] = {
    "whole": 3,
    "half": 0.5,
    "yes": True,
    "name": "Zoë, “model” ☃",
    "number-like": "007",
    "list": [1, "two", None],
    "nested": {"layers": [{"units": 8, "bias": False}]},
}


def test_all_that_a_trainer_says_reaches_the_script(train: Callable[..., Any], code: Path, bucket: str) -> None:
    (code / "requirements.txt").write_text("tabulate\n")
    boto3.client("s3").put_object(Bucket=bucket, Key="elsewhere/a.csv", Body=b"1,2\n")
    local = code.parent / "rows"
    local.mkdir()
    (local / "b.csv").write_text("3,4\n")

    def also(trainer: Any) -> Any:
        return trainer.with_retry_strategy(RetryStrategy(maximum_retry_attempts=2)).with_metric_definitions(
            [MetricDefinition(name="loss", regex="loss=([0-9.]+);")]
        )

    job = train(
        [
            InputData(channel_name="here", data_source=str(local)),
            InputData(channel_name="there", data_source=f"s3://{bucket}/elsewhere/"),
            InputData(
                channel_name="spelled",
                data_source=S3DataSource(s3_data_type="S3Prefix", s3_uri=f"s3://{bucket}/elsewhere/a.csv"),
            ),
        ],
        source_code=SourceCode(
            source_dir=str(code),
            entry_script="look.py",
            requirements="requirements.txt",
            ignore_patterns=["*.env", ".git"],
        ),
        hyperparameters=HYPERPARAMETERS,
        environment={"MY_MOOD": "fine"},
        stopping_condition=StoppingCondition(max_runtime_in_seconds=1800),
        tags=[Tag(key="team", value="north")],
        also=also,
    )
    found = seen(job)
    assert found["hyperparameters"] == HYPERPARAMETERS
    assert found["environment"]["MY_MOOD"] == "fine"
    channels = {name: files for name, files in found["channels"].items() if not name.startswith("sm_")}
    assert channels.pop("code") == ["deep", "look.py", "requirements.txt"]
    assert channels == {"here": ["b.csv"], "there": ["a.csv"], "spelled": ["a.csv"]}
    assert job.stopping_condition.max_runtime_in_seconds == 1800
    assert job.retry_strategy.maximum_retry_attempts == 2
    tags = boto3.client("sagemaker").list_tags(ResourceArn=job.training_job_arn)["Tags"]
    assert {"Key": "team", "Value": "north"} in tags
    assert fetch(f"s3://{bucket}/trained/{job.training_job_name}/output/output.tar.gz")


def test_a_trainer_in_a_vpc_reaches_the_platform(train: Callable[..., Any], code: Path) -> None:
    ec2 = boto3.client("ec2")
    subnet = ec2.describe_subnets()["Subnets"][0]
    group = ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [subnet["VpcId"]]}])["SecurityGroups"][0]
    job = train(
        source_code=SourceCode(source_dir=str(code), entry_script="look.py"),
        hyperparameters=HYPERPARAMETERS,
        networking=Networking(subnets=[subnet["SubnetId"]], security_group_ids=[group["GroupId"]]),
    )
    assert job.vpc_config.subnets == [subnet["SubnetId"]]
    assert seen(job)["hyperparameters"] == HYPERPARAMETERS


@pytest.mark.parametrize(
    ("name", "text"),
    [("values.json", '{"epochs": 2, "name": "json"}'), ("values.yaml", "epochs: 2\nname: yaml\n")],
)
def test_hyperparameters_come_from_a_file(train: Callable[..., Any], code: Path, name: str, text: str) -> None:
    (code.parent / name).write_text(text)
    job = train(
        source_code=SourceCode(source_dir=str(code), entry_script="look.py"),
        hyperparameters=str(code.parent / name),
        checkpoint_config=CheckpointConfig(s3_uri=f"{job_place()}/{name}"),
    )
    assert seen(job)["hyperparameters"] == {"epochs": 2, "name": name.split(".")[1]}
    bucket, prefix = f"{job_place()}/{name}".removeprefix("s3://").split("/", 1)
    kept = boto3.client("s3").list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]
    assert [each["Key"].rsplit("/", 1)[1] for each in kept] == ["epoch-0", "epoch-1"]


def job_place() -> str:
    return "s3://client-tests/v3-checkpoints"


def test_code_is_a_shell_script_a_command_or_lies_in_s3(train: Callable[..., Any], code: Path, bucket: str) -> None:
    (code / "go.sh").write_text('set -e\npython look.py "$@"\necho done > "$SM_MODEL_DIR/shell.txt"\n')
    job = train(source_code=SourceCode(source_dir=str(code), entry_script="go.sh"), hyperparameters={"epochs": 1})
    assert set(model(job)) == {"seen.json", "shell.txt"}
    command = SourceCode(source_dir=str(code), command="python look.py --mood", args=["very fine", 3])
    assert seen(train(source_code=command))["arguments"] == ["--mood", "very fine", "3"]
    s3 = boto3.client("s3")
    s3.upload_file(str(SCRIPTS / "look.py"), bucket, "v3-code/look.py")
    remote = SourceCode(source_dir=f"s3://{bucket}/v3-code/", entry_script="look.py")
    assert seen(train(source_code=remote))["channels"]["code"] == ["look.py"]
    archive = code.parent / "sourcedir.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(SCRIPTS / "look.py", "look.py")
    s3.upload_file(str(archive), bucket, "v3-packed/sourcedir.tar.gz")
    packed = SourceCode(source_dir=f"s3://{bucket}/v3-packed/sourcedir.tar.gz", entry_script="look.py")
    assert "seen.json" in model(train(source_code=packed))


def test_a_job_without_a_network_and_with_plain_output(train: Callable[..., Any], code: Path, bucket: str) -> None:
    place = f"s3://{bucket}/plain"
    job = train(
        source_code=SourceCode(source_dir=str(code), entry_script="look.py"),
        networking=Networking(enable_network_isolation=True),
        output_data_config=OutputDataConfig(s3_output_path=place, compression_type="NONE"),
    )
    note = json.loads(fetch(f"{place}/{job.training_job_name}/output/model/seen.json"))
    assert not note["network"]


def test_requirements_that_cannot_be_had_fail_the_job(train: Callable[..., Any], code: Path) -> None:
    (code / "requirements.txt").write_text("no-such-package-anywhere==9.9\n")
    source = SourceCode(source_dir=str(code), entry_script="look.py", requirements="requirements.txt")
    job = train(fails=True, source_code=source)
    assert "'-r', 'requirements.txt']' returned non-zero exit status 1" in job.failure_reason
    logs = boto3.client("logs").filter_log_events(
        logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=job.training_job_name
    )
    assert any("no-such-package-anywhere" in event["message"] for event in logs["events"])


def test_jobs_are_resources(train: Callable[..., Any], code: Path) -> None:
    job = train(source_code=SourceCode(source_dir=str(code), entry_script="look.py"))
    found = TrainingJob.get(job.training_job_name)
    assert found.training_job_arn == job.training_job_arn
    assert found.training_job_status == "Completed"
    listed = [
        each.training_job_name for each in TrainingJob.get_all(name_contains="v3-trainer", status_equals="Completed")
    ]
    assert job.training_job_name in listed
    job.delete()
    with pytest.raises(Exception, match="not found"):
        TrainingJob.get(job.training_job_name)
