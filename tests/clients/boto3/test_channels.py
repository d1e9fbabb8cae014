"""Training on every kind of channel, through boto3 alone: real scripts on real rows, in each mode."""

import gzip
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import boto3
import pytest

from .refusals import refusal

SCRIPT = Path(__file__).parents[1] / "scripts" / "train_on_a_channel.py"
HOUSING = Path(__file__).parents[3] / "examples" / "housing.csv"
Request = Callable[..., dict[str, Any]]
R2 = 0.7406  # of a regression on all 506 rows


@pytest.fixture(scope="module")
def sagemaker() -> Any:
    return boto3.client("sagemaker")


@pytest.fixture(scope="module")
def parts() -> Sequence[str]:
    """The houses in six files: five that are stored as files of their own, and one that is small."""
    lines = [line + "\n" for line in HOUSING.read_text().splitlines()]
    return ["".join(lines[start : start + 100]) for start in range(0, 501, 100)]


@pytest.fixture(scope="module")
def box(bucket: str, parts: Sequence[str]) -> str:
    """The bucket, with the houses in each form."""
    s3 = boto3.client("s3")

    def put(key: str, body: str | bytes) -> None:
        s3.put_object(Bucket=bucket, Key=f"channels/{key}", Body=body)

    for number, part in enumerate(parts):
        put(f"parts/{number // 2}/{number}.csv", part)
        put(f"packed/{number}.csv.gz", gzip.compress(part.encode()))
    put("parts/", b"")  # as consoles make them
    prefix = {"prefix": f"s3://{bucket}/channels/parts/"}
    put("manifest", json.dumps([prefix, *(f"{number // 2}/{number}.csv" for number in range(len(parts)))]))
    lines = HOUSING.read_text().splitlines()
    for number, line in enumerate(lines[:40]):
        put(f"rows/{number}", line.rpartition(",")[0])
    described = [
        {"row-ref": f"s3://{bucket}/channels/rows/{number}", "price": line.rpartition(",")[2] + "\n", "who": "me"}
        for number, line in enumerate(lines[:40])
    ]
    put("augmented", "".join(json.dumps(each) + "\n" for each in described))
    return bucket


@pytest.fixture(scope="module")
def train(sagemaker: Any, job_request: Request, box: str) -> Callable[..., tuple[dict[str, Any], list[str]]]:
    """Runs a job on a channel: what DescribeTrainingJob says, and its log."""

    def train(mode: str, key: str, kind: str = "S3Prefix", **members: Any) -> tuple[dict[str, Any], list[str]]:
        source = {"S3DataType": kind, "S3Uri": f"s3://{box}/{key}", **members.pop("source", {})}
        channel = {"ChannelName": "train", "DataSource": {"S3DataSource": source}, "InputMode": mode, **members}
        return run(sagemaker, job_request(SCRIPT), channel)

    return train


def run(sagemaker: Any, request: dict[str, Any], channel: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    request["InputDataConfig"] = [channel]
    sagemaker.create_training_job(**request)
    name = {"TrainingJobName": request["TrainingJobName"]}
    wait(sagemaker, name)
    prefix = {"logGroupName": "/aws/sagemaker/TrainingJobs", "logStreamNamePrefix": request["TrainingJobName"]}
    events = boto3.client("logs").filter_log_events(**prefix)["events"]
    return dict(sagemaker.describe_training_job(**name)), [event["message"] for event in events]


def wait(sagemaker: Any, name: dict[str, str]) -> None:
    """Until a job has ended, well or not."""
    end = time.monotonic() + 120
    while sagemaker.describe_training_job(**name)["TrainingJobStatus"] == "InProgress":
        assert time.monotonic() < end
        time.sleep(0.1)


def completed(told: tuple[dict[str, Any], list[str]]) -> dict[str, str]:
    """What the script said, by the first word of each line."""
    job, lines = told
    assert job["TrainingJobStatus"] == "Completed", (job.get("FailureReason"), lines)
    return {line.split(" ", 1)[0]: line.split(" ", 1)[-1] for line in lines}


@pytest.mark.parametrize(
    ("mode", "key", "kind"),
    [
        ("File", "channels/parts/", "S3Prefix"),
        ("File", "channels/manifest", "ManifestFile"),
        ("FastFile", "channels/parts", "S3Prefix"),
    ],
)
def test_files(train: Any, mode: str, key: str, kind: str) -> None:
    said = completed(train(mode, key, kind, ContentType="text/csv"))
    assert json.loads(said["files"]) == [f"{number // 2}/{number}.csv" for number in range(6)]
    assert said["rows"] == f"506 r2 {R2}"
    assert json.loads(said["config"]) == {
        "ContentType": "text/csv",
        "RecordWrapperType": "None",
        "S3DistributionType": "FullyReplicated",
        "TrainingInputMode": mode,
    }
    # A small channel is the job's own; one that is streamed can only be read.
    assert said["written"] == ("append chmod move add" if mode == "File" else "- - - -")


@pytest.mark.parametrize(
    ("key", "kind", "members"),
    [
        ("channels/parts/", "S3Prefix", {}),
        ("channels/manifest", "ManifestFile", {}),
        ("channels/packed/", "S3Prefix", {"CompressionType": "Gzip"}),
        ("channels/parts/", "S3Prefix", {"RecordWrapperType": "RecordIO"}),
        ("channels/packed/", "S3Prefix", {"RecordWrapperType": "RecordIO", "CompressionType": "Gzip"}),
        ("channels/parts/", "S3Prefix", {"ShuffleConfig": {"Seed": 12}}),
    ],
)
def test_pipes(train: Any, parts: Sequence[str], key: str, kind: str, members: dict[str, Any]) -> None:
    said = completed(train("Pipe", key, kind, **members))
    assert said["rows"] == f"506 r2 {R2}"
    assert said["orders"] == f"differ {'ShuffleConfig' in members}"
    if "RecordWrapperType" in members:
        assert said["records"] == "6"
    else:
        assert said["bytes"] == str(sum(map(len, parts)))


def test_augmented_manifests(train: Any) -> None:
    source = {"AttributeNames": ["row-ref", "price"]}
    wrapped = {"RecordWrapperType": "RecordIO"}
    said = completed(train("Pipe", "channels/augmented", "AugmentedManifestFile", source=source, **wrapped))
    assert (said["records"], said["rows"].split()[0], said["orders"]) == ("80", "40", "differ False")
    said = completed(
        train(
            "Pipe", "channels/augmented", "AugmentedManifestFile", source=source, ShuffleConfig={"Seed": 1}, **wrapped
        )
    )
    assert (said["records"], said["rows"].split()[0], said["orders"]) == ("80", "40", "differ True")


@pytest.mark.parametrize("mode", ["File", "Pipe"])
def test_hosts_share_a_channel(sagemaker: Any, job_request: Request, box: str, mode: str) -> None:
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{box}/channels/parts/"}
    source["S3DataDistributionType"] = "ShardedByS3Key"
    request = job_request(SCRIPT)
    request["ResourceConfig"]["InstanceCount"] = 2
    job, lines = run(
        sagemaker, request, {"ChannelName": "train", "InputMode": mode, "DataSource": {"S3DataSource": source}}
    )
    assert job["TrainingJobStatus"] == "Completed", (job.get("FailureReason"), lines)
    rows = [int(line.split()[1]) for line in lines if line.startswith("rows")]
    assert sorted(rows) == [206, 300]  # of six parts the first, third and fifth; the last has six rows


def test_a_channel_may_be_for_some_groups(sagemaker: Any, job_request: Request, box: str, tmp_path: Path) -> None:
    script = tmp_path / "look.py"
    script.write_text("import os\nprint('seen', os.environ['SM_CURRENT_HOST'], os.listdir('/opt/ml/input/data'))\n")
    request = job_request(script)
    groups = [{"InstanceGroupName": name, "InstanceType": "ml.m5.large", "InstanceCount": 1} for name in "ab"]
    request["ResourceConfig"] = {"InstanceGroups": groups, "VolumeSizeInGB": 1}
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{box}/channels/parts/", "InstanceGroupNames": ["b"]}
    job, lines = run(sagemaker, request, {"ChannelName": "train", "DataSource": {"S3DataSource": source}})
    assert job["TrainingJobStatus"] == "Completed", (job.get("FailureReason"), lines)
    assert sorted(line for line in lines if "seen" in line) == ["seen algo-1 []", "seen algo-2 ['train']"]


def test_a_large_channel_shows_what_is_stored_and_cannot_be_written(
    train: Any, box: str, server: Any, sagemaker: Any
) -> None:
    s3 = boto3.client("s3")
    text = HOUSING.read_text()
    for number in range(2):
        s3.put_object(Bucket=box, Key=f"large/{number}.csv", Body=text + " " * 9_000_000 + "\n")
    said = completed(train("File", "large/"))
    assert said["rows"].split()[0] == "1012"
    assert said["written"] == "- - - -"
    assert s3.get_object(Bucket=box, Key="large/0.csv")["Body"].read(len(text)).decode() == text


def test_an_object_that_is_overwritten_stays_what_it_was_for_a_job_that_runs(
    job_request: Request, box: str, sagemaker: Any, eventually: Any, tmp_path: Path
) -> None:
    s3, logs = boto3.client("s3"), boto3.client("logs")
    s3.put_object(Bucket=box, Key="kept/a.txt", Body=b"old" * 2000)
    script = tmp_path / "wait.py"
    script.write_text(
        "import time, pathlib\n"
        "path = pathlib.Path('/opt/ml/input/data/train/a.txt')\n"
        "print('ready', flush=True)\n"
        "time.sleep(2.5)\n"
        "print('read', path.read_text()[:3], path.stat().st_size)\n"
    )
    request = job_request(script)
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{box}/kept/"}
    request["InputDataConfig"] = [
        {"ChannelName": "train", "DataSource": {"S3DataSource": source}, "InputMode": "FastFile"}
    ]
    sagemaker.create_training_job(**request)
    name = {"TrainingJobName": request["TrainingJobName"]}

    def said() -> str:
        group = {"logGroupName": "/aws/sagemaker/TrainingJobs", "logStreamNamePrefix": request["TrainingJobName"]}
        return "\n".join(event["message"] for event in logs.filter_log_events(**group)["events"])

    eventually(lambda: sagemaker.describe_training_job(**name)["SecondaryStatus"] == "Training")
    s3.put_object(Bucket=box, Key="kept/a.txt", Body=b"new")
    s3.delete_object(Bucket=box, Key="kept/a.txt")
    wait(sagemaker, name)
    assert "read old 6000" in said()


def test_file_systems(sagemaker: Any, job_request: Request, server: Any, parts: Sequence[str], tmp_path: Path) -> None:
    (tmp_path / "houses").mkdir()
    (tmp_path / "houses" / "all.csv").write_text(HOUSING.read_text())
    server.command("file-system", "attach", "fs-0123456789abcdef0", str(tmp_path))
    source = {
        "FileSystemId": "fs-0123456789abcdef0",
        "FileSystemType": "FSxLustre",
        "DirectoryPath": "/houses",
        "FileSystemAccessMode": "ro",
    }

    def on(**members: str) -> tuple[dict[str, Any], list[str]]:
        channel = {"ChannelName": "train", "DataSource": {"FileSystemDataSource": {**source, **members}}}
        return run(sagemaker, job_request(SCRIPT), channel)

    said = completed(on())
    assert (said["files"], said["rows"], said["written"]) == ('["all.csv"]', f"506 r2 {R2}", "- - - -")
    said = completed(on(FileSystemAccessMode="rw", FileSystemType="EFS"))
    assert said["written"] == "append chmod move add"
    assert (tmp_path / "houses" / "added").exists()
    job, _ = on(DirectoryPath="/none")
    assert "There is no directory /none in the file system fs-0123456789abcdef0" in job["FailureReason"]
    job, _ = on(FileSystemId="fs-0aaaaaaaaaaaaaaaa")
    assert "ClientError: The file system fs-0aaaaaaaaaaaaaaaa of channel 'train' is not known" in job["FailureReason"]


@pytest.mark.parametrize(
    ("mode", "key", "kind", "given", "words"),
    [
        ("Pipe", "none/", "S3Prefix", {}, "No S3 objects found under S3 URL"),
        ("File", "none", "ManifestFile", {}, "none"),
        ("File", "channels/augmented", "ManifestFile", {}, "the manifest is not valid"),
        ("Pipe", "channels/manifest", "AugmentedManifestFile", {"AttributeNames": ["x"]}, "is not a JSON object"),
        ("Pipe", "channels/augmented", "AugmentedManifestFile", {"AttributeNames": ["x"]}, "no attribute 'x'"),
    ],
)
def test_what_cannot_be_read_fails_the_job(
    train: Any, mode: str, key: str, kind: str, given: dict[str, Any], words: str
) -> None:
    job, _ = train(mode, key, kind, source=given)
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: Data download failed")
    assert words in job["FailureReason"]


def test_what_is_not_compressed_fails_the_job(train: Any) -> None:
    job, _ = train("Pipe", "channels/parts/", CompressionType="Gzip")
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: Channel 'train' could not be sent through its pipe")


@pytest.mark.parametrize(
    ("members", "given", "words"),
    [
        ({"InputMode": "File"}, {"S3DataType": "AugmentedManifestFile"}, "can only be used in Pipe mode"),
        ({"InputMode": "Pipe"}, {"S3DataType": "AugmentedManifestFile"}, "needs AttributeNames"),
        ({"InputMode": "FastFile"}, {"S3DataType": "ManifestFile"}, "FastFile mode supports S3Prefix only"),
        ({}, {"AttributeNames": ["a"]}, "AttributeNames can only be used with AugmentedManifestFile"),
        ({}, {"InstanceGroupNames": ["gpu"]}, "names groups that ResourceConfig does not: gpu"),
        ({"ChannelName": ".."}, {}, "cannot be called '..'"),
    ],
)
def test_what_contradicts_itself_is_refused(
    sagemaker: Any, job_request: Request, members: dict[str, Any], given: dict[str, Any], words: str
) -> None:
    request = job_request()
    channel = {**request["InputDataConfig"][0], **members}
    channel["DataSource"] = {"S3DataSource": {**channel["DataSource"]["S3DataSource"], **given}}
    request["InputDataConfig"] = [channel]
    code, message = refusal(sagemaker.create_training_job, **request)
    assert code == "ValidationException"
    assert words in message
