"""Processing jobs through boto3: small scripts that tell what they find."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from .refusals import refusal

SKLEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
GROUP = "/aws/sagemaker/ProcessingJobs"
ROOT = "/opt/ml/processing"
Start = Callable[..., str]
Process = Callable[..., dict[str, Any]]

# What a host finds, as a file in the output that is named by the host.
LOOK = """
import json, os, pathlib, sys
root = pathlib.Path("/opt/ml/processing")
resources = json.loads(pathlib.Path("/opt/ml/config/resourceconfig.json").read_text())
told = {
    "files": {str(path.relative_to(root)): path.read_text() for path in sorted(root.glob("in/**/*")) if path.is_file()},
    "arguments": sys.argv[1:],
    "mood": os.environ.get("MOOD"),
    "hosts": resources["hosts"],
    "job": json.loads(pathlib.Path("/opt/ml/config/processingjobconfig.json").read_text()),
}
(root / "out" / "deep").mkdir()
(root / "out" / "deep" / f"{resources['current_host']}.json").write_text(json.dumps(told))
(root / "out" / "way-out").symlink_to("/etc/passwd")
pathlib.Path("/opt/ml/output/message").write_text("looked around")
print("it looks around")
"""
# Writes a line, waits until it may go on, or is asked to end.
LINGER = """
import pathlib, signal, sys, time
def end(*_):
    pathlib.Path("/opt/ml/processing/out/last").write_text("asked to end")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
pathlib.Path("/opt/ml/processing/out/first").write_text("here")
print("it lingers", flush=True)
time.sleep(120)
"""
FAIL = """
import pathlib
pathlib.Path("/opt/ml/processing/out/half").write_text("half of it")
pathlib.Path("/opt/ml/output/message").write_text("the third column is missing")
raise SystemExit(3)
"""
PIPE = """
import pathlib
text = open("/opt/ml/processing/in/packed_0").read()
pathlib.Path("/opt/ml/processing/out/seen").write_text(text)
"""
ISOLATED = """
import os, urllib.request
try:
    urllib.request.urlopen(os.environ["AWS_ENDPOINT_URL"], timeout=5)
except urllib.error.HTTPError:
    raise SystemExit("it got out")
except OSError as error:
    print("kept in:", error)
"""


@pytest.fixture(scope="module")
def sagemaker() -> Any:
    return boto3.client("sagemaker")


@pytest.fixture
def start(sagemaker: Any, s3: Any, box: str, role: str, unique: Callable[[str], str]) -> Start:
    """Starts a script; `inputs` and `outputs` are S3Input and S3Output by their names."""

    def start(script: str, inputs: dict[str, Any] | None = None, *, mode: str = "EndOfJob", **members: Any) -> str:
        name, count = unique("Process"), members.pop("InstanceCount", 1)
        s3.put_object(Bucket=box, Key="code/script.py", Body=script)
        code = {"S3Uri": f"s3://{box}/code/script.py", "LocalPath": f"{ROOT}/in/code", "S3DataType": "S3Prefix"}
        found = {"code": {**code, "S3InputMode": "File"}, **(inputs or {})}
        written = {"S3Uri": f"s3://{box}/out", "LocalPath": f"{ROOT}/out", "S3UploadMode": mode}
        arn = sagemaker.create_processing_job(
            ProcessingJobName=name,
            RoleArn=role,
            AppSpecification={
                "ImageUri": members.pop("ImageUri", SKLEARN),
                "ContainerEntrypoint": ["python3", f"{ROOT}/in/code/script.py"],
                "ContainerArguments": ["--rows", "3"],
            },
            ProcessingInputs=[{"InputName": each, "S3Input": source} for each, source in found.items()],
            ProcessingOutputConfig={"Outputs": [{"OutputName": "out", "S3Output": written}]},
            ProcessingResources={
                "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": count, "VolumeSizeInGB": 1}
            },
            **members,
        )["ProcessingJobArn"]
        assert arn.endswith(f":processing-job/{name.lower()}")
        return name

    return start


@pytest.fixture
def process(sagemaker: Any, start: Start) -> Process:
    """Runs one to its end, whatever that is, and describes it."""
    return lambda *told, **members: ended(sagemaker, start(*told, **members))


def ended(sagemaker: Any, name: str) -> dict[str, Any]:
    for _ in range(1500):
        told = sagemaker.describe_processing_job(ProcessingJobName=name)
        if told["ProcessingJobStatus"] in ("Completed", "Failed", "Stopped"):
            return dict(told)
        time.sleep(0.2)
    raise AssertionError(f"{name} does not end")


@pytest.fixture
def outputs(s3: Any, box: str) -> Callable[[], dict[str, str]]:
    """What is in the output, by its path there."""

    def outputs() -> dict[str, str]:
        listed = s3.list_objects_v2(Bucket=box, Prefix="out/").get("Contents", ())
        return {
            each["Key"].removeprefix("out/"): s3.get_object(Bucket=box, Key=each["Key"])["Body"].read().decode()
            for each in listed
        }

    return outputs


def said(name: str) -> str:
    """All that the hosts of a job printed."""
    logs = boto3.client("logs")
    lines: list[str] = []
    for each in logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix=f"{name}/")["logStreams"]:
        where = {"logGroupName": GROUP, "logStreamName": each["logStreamName"], "startFromHead": True}
        lines += [event["message"] for event in logs.get_log_events(**where)["events"]]
    return "\n".join(lines)


def test_a_script_finds_its_inputs_and_leaves_its_outputs(
    sagemaker: Any, s3: Any, box: str, process: Process, outputs: Callable[[], dict[str, str]]
) -> None:
    for key in ("data/a.csv", "data/deep/b.csv"):
        s3.put_object(Bucket=box, Key=key, Body=key)
    data = {"S3Uri": f"s3://{box}/data", "LocalPath": f"{ROOT}/in/data/", "S3DataType": "S3Prefix"}
    job = process(LOOK, {"data": data}, Environment={"MOOD": "curious"}, Tags=[{"Key": "team", "Value": "data"}])
    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    assert job["ExitMessage"] == "looked around"
    assert job["CreationTime"] <= job["ProcessingStartTime"] <= job["ProcessingEndTime"] <= job["LastModifiedTime"]
    assert job["StoppingCondition"] == {"MaxRuntimeInSeconds": 86_400}
    ((name, body),) = outputs().items()  # and not where the link leads
    assert name == "deep/algo-1.json"
    told = json.loads(body)
    assert (told["arguments"], told["mood"], told["hosts"]) == (["--rows", "3"], "curious", ["algo-1"])
    assert {path: text for path, text in told["files"].items() if "code" not in path} == {
        "in/data/a.csv": "data/a.csv",
        "in/data/deep/b.csv": "data/deep/b.csv",
    }
    assert told["job"]["ProcessingJobArn"] == job["ProcessingJobArn"]
    assert told["job"]["AppSpecification"] == job["AppSpecification"]
    assert "it looks around" in said(job["ProcessingJobName"])
    component = sagemaker.describe_trial_component(
        TrialComponentName=f"{job['ProcessingJobName']}-aws-processing-job".lower()
    )
    assert component["Status"]["PrimaryStatus"] == "Completed"
    assert component["OutputArtifacts"]["out"]["Value"] == f"s3://{box}/out"


def test_objects_are_dealt_over_several_hosts(
    s3: Any, box: str, process: Process, outputs: Callable[[], dict[str, str]]
) -> None:
    names = [f"part-{number}" for number in range(5)]
    for name in names:
        s3.put_object(Bucket=box, Key=f"parts/{name}", Body=name)
    s3.put_object(Bucket=box, Key="some", Body=json.dumps([{"prefix": f"s3://{box}/parts/"}, "part-1", "part-3"]))
    dealt = {"S3Uri": f"s3://{box}/parts/", "LocalPath": f"{ROOT}/in/dealt", "S3DataType": "S3Prefix"}
    listed = {"S3Uri": f"s3://{box}/some", "LocalPath": f"{ROOT}/in/listed", "S3DataType": "ManifestFile"}
    inputs = {"dealt": {**dealt, "S3DataDistributionType": "ShardedByS3Key"}, "listed": listed}
    job = process(LOOK, inputs, InstanceCount=2)
    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    told = {name: json.loads(body)["files"] for name, body in outputs().items()}
    assert sorted(told) == ["deep/algo-1.json", "deep/algo-2.json"]
    shares = [sorted(text for path, text in files.items() if "/dealt/" in path) for files in told.values()]
    assert sorted(shares) == [["part-0", "part-2", "part-4"], ["part-1", "part-3"]]
    for files in told.values():
        assert sorted(text for path, text in files.items() if "/listed/" in path) == ["part-1", "part-3"]


def test_a_pipe_sends_what_is_compressed(
    s3: Any, box: str, process: Process, outputs: Callable[[], dict[str, str]]
) -> None:
    for name in ("1", "2"):
        s3.put_object(Bucket=box, Key=f"packed/{name}.gz", Body=gzip.compress(f"line {name}\n".encode()))
    source = {"S3Uri": f"s3://{box}/packed/", "LocalPath": f"{ROOT}/in/packed", "S3DataType": "S3Prefix"}
    job = process(PIPE, {"packed": {**source, "S3InputMode": "Pipe", "S3CompressionType": "Gzip"}})
    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    assert outputs() == {"seen": "line 1\nline 2\n"}
    s3.put_object(Bucket=box, Key="packed/3.gz", Body=b"not compressed")
    job = process(PIPE, {"packed": {**source, "S3InputMode": "Pipe", "S3CompressionType": "Gzip"}})
    assert job["ProcessingJobStatus"] == "Failed"
    assert "could not be sent through its pipe" in job["FailureReason"]


def test_continuous_output_is_there_while_it_runs_and_stop_is_with_grace(
    sagemaker: Any, start: Start, outputs: Callable[[], dict[str, str]], eventually: Callable[..., Any]
) -> None:
    name = start(LINGER, mode="Continuous")
    eventually(lambda: outputs() == {"first": "here"})
    assert sagemaker.describe_processing_job(ProcessingJobName=name)["ProcessingJobStatus"] == "InProgress"
    sagemaker.stop_processing_job(ProcessingJobName=name)
    sagemaker.stop_processing_job(ProcessingJobName=name)  # again is the same
    job = ended(sagemaker, name)
    assert job["ProcessingJobStatus"] == "Stopped"
    assert outputs() == {"first": "here", "last": "asked to end"}
    code, sentence = refusal(sagemaker.stop_processing_job, ProcessingJobName=name)
    assert (code, "in status Stopped" in sentence) == ("ValidationException", True)
    listed = sagemaker.list_processing_jobs(StatusEquals="Stopped", NameContains=name)["ProcessingJobSummaries"]
    assert [each["ProcessingJobName"] for each in listed] == [name]
    sagemaker.delete_processing_job(ProcessingJobName=name)
    code, sentence = refusal(sagemaker.describe_processing_job, ProcessingJobName=name)
    assert (code, "Could not find requested job" in sentence) == ("ValidationException", True)


def test_a_job_ends_at_its_time_limit(process: Process, outputs: Callable[[], dict[str, str]]) -> None:
    job = process(LINGER, StoppingCondition={"MaxRuntimeInSeconds": 10})  # it listens by then
    assert job["ProcessingJobStatus"] == "Stopped"
    assert outputs()["last"] == "asked to end"


def test_a_failure_says_why_and_leaves_what_there_is(process: Process, outputs: Callable[[], dict[str, str]]) -> None:
    job = process(FAIL)
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["ExitMessage"] == "the third column is missing"
    assert job["FailureReason"] == "AlgorithmError: the third column is missing, exit code: 3"
    assert outputs() == {"half": "half of it"}


def test_an_isolated_job_reaches_nothing(process: Process) -> None:
    job = process(ISOLATED, NetworkConfig={"EnableNetworkIsolation": True})
    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    assert "kept in:" in said(job["ProcessingJobName"])


def test_what_cannot_run_fails_with_the_reason(process: Process) -> None:
    missing = {"S3Uri": "s3://nobody-has-this/x", "LocalPath": f"{ROOT}/in/x", "S3DataType": "S3Prefix"}
    job = process(LOOK, {"data": missing})
    assert job["ProcessingJobStatus"] == "Failed"
    assert "s3://nobody-has-this/x" in job["FailureReason"]
    job = process(LOOK, ImageUri="683313688378.dkr.ecr.us-east-1.amazonaws.com/mine:1")
    assert "No runtime answers to image" in job["FailureReason"]


@pytest.mark.parametrize(
    ("member", "value", "sentence"),
    [
        ("S3CompressionType", "Gzip", "can only be used with S3InputMode Pipe"),
        ("LocalPath", "/etc", "must be an absolute path that begins with /opt/ml/processing/"),
        ("LocalPath", f"{ROOT}/../../../etc", "must be an absolute path that begins with"),
    ],
)
def test_bad_inputs_start_nothing(sagemaker: Any, start: Start, member: str, value: str, sentence: str) -> None:
    before = len(sagemaker.list_processing_jobs(MaxResults=100)["ProcessingJobSummaries"])
    source = {"S3Uri": "s3://b/x", "LocalPath": f"{ROOT}/in/x", "S3DataType": "S3Prefix", member: value}
    code, told = refusal(start, script=LOOK, inputs={"data": source})
    assert (code, sentence in told) == ("ValidationException", True), told
    assert len(sagemaker.list_processing_jobs(MaxResults=100)["ProcessingJobSummaries"]) == before
