"""Batch transform through boto3: a scikit-learn model, and a small model of one's own that shows what it is sent."""

from __future__ import annotations

import gzip
import io
import json
import struct
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from .refusals import refusal

ROOT = Path(__file__).parents[3]
PATIENCE = {"Delay": 1, "MaxAttempts": 240}
GROUP = "/aws/sagemaker/TransformJobs"
Transform = Callable[..., dict[str, Any]]
Put = Callable[..., str]

# Answers what it is asked for: how many bytes came, the rows' sums, an error, or nothing for a while.
ECHO = """
import json, os, time

def model_fn(model_dir):
    return None

def execution_parameters_fn():
    return json.loads(os.environ.get("OFFERED", "{}"))

def transform_fn(model, data, content_type, accept):
    text = data if isinstance(data, str) else data.decode("latin-1")
    if "sleep" in text:
        time.sleep(60)
    if "wrong" in text:
        raise ValueError("this record is wrong")
    if os.environ.get("ANSWER") == "sizes":
        return f"{len(data)};", accept
    if os.environ.get("ANSWER") == "batch":
        return os.environ["SAGEMAKER_BATCH"] + os.environ.get("SAGEMAKER_BATCH_STRATEGY", ""), accept
    if content_type == "text/csv":
        return "\\n".join(str(sum(map(float, line.split(",")))) for line in text.splitlines()), accept
    return "\\n".join(json.dumps({"saw": json.loads(line)}) for line in text.splitlines()), accept
"""


@pytest.fixture(scope="module")
def sagemaker() -> Any:
    return boto3.client("sagemaker")


@pytest.fixture(scope="module")
def trained_model(sagemaker: Any, container: dict[str, Any], role: str, unique: Callable[[str], str]) -> str:
    name = unique("trained")
    sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=role)
    return name


@pytest.fixture(scope="module")
def echo(sagemaker: Any, scripted: Callable[..., Any], role: str, unique: Callable[[str], str]) -> str:
    name, made = unique("echo"), scripted(ECHO)
    sagemaker.create_model(ModelName=name, PrimaryContainer=made, ExecutionRoleArn=role)
    return name


@pytest.fixture
def put(s3: Any, box: str) -> Put:
    """Uploads input; answers the address of all that was uploaded."""

    def put(**objects: bytes | str) -> str:
        for name, body in objects.items():
            s3.put_object(Bucket=box, Key=f"in/{name.replace('__', '/')}", Body=body)
        return f"s3://{box}/in/"

    return put


@pytest.fixture
def start(sagemaker: Any, box: str, echo: str, unique: Callable[[str], str]) -> Callable[..., str]:
    """Creates a job on an input; members of TransformInput and TransformOutput are told by their names."""

    def start(uri: str, **members: Any) -> str:
        name = unique("transform")
        read = {m: members.pop(m) for m in ("ContentType", "SplitType", "CompressionType") if m in members}
        written = {m: members.pop(m) for m in ("Accept", "AssembleWith") if m in members}
        source = {"S3DataType": members.pop("S3DataType", "S3Prefix"), "S3Uri": uri}
        count = members.pop("InstanceCount", 1)
        arn = sagemaker.create_transform_job(
            TransformJobName=name,
            ModelName=members.pop("ModelName", echo),
            TransformInput={"DataSource": {"S3DataSource": source}, **read},
            TransformOutput={"S3OutputPath": f"s3://{box}/out", **written},
            TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": count},
            **members,
        )["TransformJobArn"]
        assert arn.endswith(f":transform-job/{name}")
        return name

    return start


@pytest.fixture
def transform(sagemaker: Any, start: Callable[..., str]) -> Transform:
    """Runs a job to its end, whatever that is, and describes it."""

    def run(uri: str, **members: Any) -> dict[str, Any]:
        name = start(uri, **members)
        for _ in range(1200):
            told = sagemaker.describe_transform_job(TransformJobName=name)
            if told["TransformJobStatus"] in ("Completed", "Failed", "Stopped"):
                return dict(told)
            time.sleep(0.25)
        raise AssertionError(f"{name} does not end")

    return run


@pytest.fixture
def outputs(s3: Any, box: str) -> Callable[[], dict[str, str]]:
    """What is in the output, by key."""

    def outputs() -> dict[str, str]:
        listed = s3.list_objects_v2(Bucket=box, Prefix="out/").get("Contents", ())
        bodies = {each["Key"]: s3.get_object(Bucket=box, Key=each["Key"])["Body"].read() for each in listed}
        return {key: body.decode() for key, body in bodies.items()}

    return outputs


def said(job: dict[str, Any], stream: str = "") -> str:
    """The lines of a job's log streams of which the names end so."""
    logs = boto3.client("logs")
    name = job["TransformJobName"]
    streams = logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix=f"{name}/")["logStreams"]
    events: list[Any] = []
    for each in streams:
        if each["logStreamName"].endswith(stream):
            where = {"logGroupName": GROUP, "logStreamName": each["logStreamName"], "startFromHead": True}
            events += logs.get_log_events(**where)["events"]
    return "\n".join(event["message"] for event in events)


# Real predictions.


def test_houses_are_priced_and_joined(trained_model: str, put: Put, transform: Transform, outputs: Any) -> None:
    lines = (ROOT / "examples/housing.csv").read_text().splitlines()
    told = transform(
        put(**{"housing.csv": "\n".join(lines) + "\n"}),
        ModelName=trained_model,
        ContentType="text/csv",
        Accept="text/csv",
        SplitType="Line",
        AssembleWith="Line",
        DataProcessing={"InputFilter": "$[0:12]", "JoinSource": "Input", "OutputFilter": "$[13,-1]"},
    )
    assert told["TransformJobStatus"] == "Completed", told
    assert told["TransformStartTime"] <= told["TransformEndTime"]
    assert "model" not in told
    priced = [tuple(map(float, row.split(","))) for row in outputs()["out/housing.csv.out"].splitlines()]
    assert [real for real, _ in priced] == [float(line.split(",")[-1]) for line in lines], "the order changed"
    assert sum(abs(real - predicted) for real, predicted in priced) / len(priced) < 3


def test_json_lines_get_their_predictions_as_a_member(
    trained_model: str, put: Put, transform: Transform, outputs: Any, rows: list[list[float]]
) -> None:
    lines = [json.dumps({"id": number, "features": row}) for number, row in enumerate(rows)]
    told = transform(
        put(**{"houses.jsonl": "\n".join(lines)}),
        ModelName=trained_model,
        ContentType="application/json",
        Accept="application/json",
        SplitType="Line",
        AssembleWith="Line",
        BatchStrategy="SingleRecord",
        DataProcessing={
            "InputFilter": "$.features",
            "JoinSource": "Input",
            "OutputFilter": "$['id','SageMakerOutput']",
        },
    )
    assert told["TransformJobStatus"] == "Completed", told
    found = [json.loads(line) for line in outputs()["out/houses.jsonl.out"].splitlines()]
    assert [each["id"] for each in found] == [0, 1, 2]
    assert all(5 < each["SageMakerOutput"][0] < 50 for each in found)


# What is sent, and what is kept.


@pytest.mark.parametrize(
    ("members", "kept"),
    [
        ({}, "18;"),  # the newline at the end belongs to an object that is not split
        ({"SplitType": "Line"}, "17;"),
        ({"SplitType": "Line", "BatchStrategy": "SingleRecord"}, "5;5;5;"),
        ({"SplitType": "Line", "BatchStrategy": "SingleRecord", "AssembleWith": "Line"}, "5;\n5;\n5;\n"),
        ({"MaxPayloadInMB": 0}, "18;"),
    ],
)
def test_objects_are_split_and_put_together(
    put: Put, transform: Transform, outputs: Any, members: dict[str, Any], kept: str
) -> None:
    told = transform(put(a="1,2,3\n4,5,6\n7,8,9\n"), ContentType="text/csv", Environment={"ANSWER": "sizes"}, **members)
    assert told["TransformJobStatus"] == "Completed", told
    assert outputs() == {"out/a.out": kept}


def test_payloads_are_as_large_as_they_may_be(put: Put, transform: Transform, outputs: Any) -> None:
    row = "1" * 99_999
    told = transform(
        put(a="\n".join([row] * 25)),
        ContentType="text/csv",
        SplitType="Line",
        MaxPayloadInMB=1,
        MaxConcurrentTransforms=3,
        Environment={"ANSWER": "sizes"},
    )
    assert told["TransformJobStatus"] == "Completed", told
    assert outputs()["out/a.out"] == "999999;999999;499999;"
    assert "MaxConcurrentTransforms=3, MaxPayloadInMB=1, BatchStrategy=MULTI_RECORD" in said(told, "/data-log")


def test_what_the_container_offers_holds_where_the_request_says_nothing(
    put: Put, transform: Transform, outputs: Any
) -> None:
    offered = {"MaxConcurrentTransforms": 2, "BatchStrategy": "SINGLE_RECORD", "MaxPayloadInMB": 3}
    environment = {"OFFERED": json.dumps(offered), "ANSWER": "sizes"}
    told = transform(put(a="12\n345\n"), ContentType="text/csv", SplitType="Line", Environment=environment)
    assert outputs() == {"out/a.out": "2;3;"}
    assert "MaxConcurrentTransforms=2, MaxPayloadInMB=3, BatchStrategy=SINGLE_RECORD" in said(told, "/data-log")


def test_the_container_knows_that_it_is_a_batch(put: Put, transform: Transform, outputs: Any) -> None:
    transform(put(a="1"), BatchStrategy="SingleRecord", Environment={"ANSWER": "batch"}, ContentType="text/csv")
    assert outputs() == {"out/a.out": "trueSINGLE_RECORD"}


def test_binary_records_are_unwrapped_one_by_one(put: Put, transform: Transform, outputs: Any) -> None:
    bodies = [b"abc", b"defgh", b""]
    recordio = b"".join(struct.pack("<II", 0xCED7230A, len(b)) + b + bytes(-len(b) % 4) for b in bodies)
    uri = put(a=recordio)
    options = {"ContentType": "application/x-recordio", "SplitType": "RecordIO", "Environment": {"ANSWER": "sizes"}}
    transform(uri, BatchStrategy="SingleRecord", **options)
    assert outputs() == {"out/a.out": "3;5;0;"}
    transform(uri, **options)
    assert outputs() == {"out/a.out": f"{len(recordio)};"}
    tfrecord = b"".join(struct.pack("<QI", len(b), 0) + b + bytes(4) for b in bodies)
    options["SplitType"] = "TFRecord"
    transform(put(a=tfrecord), BatchStrategy="SingleRecord", **options)
    assert outputs() == {"out/a.out": "3;5;0;"}


def test_packed_input_and_several_instances(put: Put, transform: Transform, outputs: Any) -> None:
    objects = {f"deep__{number}.csv.gz": gzip.compress(f"{number},1\n".encode()) for number in range(5)}
    told = transform(
        put(**objects),
        ContentType="text/csv",
        SplitType="Line",
        AssembleWith="Line",
        CompressionType="Gzip",
        InstanceCount=2,
    )
    assert told["TransformJobStatus"] == "Completed", told
    assert outputs() == {f"out/deep/{number}.csv.gz.out": f"{number + 1.0}\n" for number in range(5)}
    logs = boto3.client("logs").describe_log_streams(
        logGroupName=GROUP, logStreamNamePrefix=told["TransformJobName"] + "/"
    )["logStreams"]
    assert len([each for each in logs if each["logStreamName"].endswith("/data-log")]) == 2


def test_a_manifest_names_the_objects(s3: Any, box: str, put: Put, transform: Transform, outputs: Any) -> None:
    prefix = put(a="1,1\n", b__c="2,2\n", left_out="3,3\n")
    manifest = json.dumps([{"prefix": prefix}, "a", "b/c"])
    s3.put_object(Bucket=box, Key="some.manifest", Body=manifest)
    transform(f"s3://{box}/some.manifest", S3DataType="ManifestFile", ContentType="text/csv", SplitType="Line")
    assert outputs() == {"out/a.out": "2.0", "out/b/c.out": "4.0"}


def test_one_object_alone_keeps_its_name(box: str, put: Put, transform: Transform, outputs: Any) -> None:
    put(a="1,1\n", ab="2,2\n", abc__d="3,3\n")
    transform(f"s3://{box}/in/a", ContentType="text/csv", SplitType="Line")
    assert outputs() == {"out/a.out": "2.0", "out/ab.out": "4.0", "out/abc/d.out": "6.0"}


def test_captured_data_are_manifests_and_have_ids(
    s3: Any, box: str, put: Put, transform: Transform, outputs: Any
) -> None:
    told = transform(
        put(**{"a.csv": "1,1\n2,2\n"}),
        ContentType="text/csv",
        Accept="text/csv",
        SplitType="Line",
        AssembleWith="Line",
        DataCaptureConfig={"DestinationS3Uri": f"s3://{box}/captured", "GenerateInferenceId": True},
    )
    rows = [line.split(",") for line in outputs()["out/a.csv.out"].splitlines()]
    began = told["CreationTime"]
    assert [(value, time) for value, _, time in rows] == [
        (value, began.strftime("%Y-%m-%dT%H:%M:%SZ")) for value in ("2.0", "4.0")
    ]
    assert len({identity for _, identity, _ in rows}) == 2
    found = {}
    for each in s3.list_objects_v2(Bucket=box, Prefix="captured/")["Contents"]:
        found[each["Key"].rpartition("/")[0]] = json.loads(s3.get_object(Bucket=box, Key=each["Key"])["Body"].read())
    hour = began.strftime("%Y/%m/%d/%H")
    assert found == {
        f"captured/input/{hour}": [{"prefix": f"s3://{box}/"}, "in/a.csv"],
        f"captured/output/{hour}": [{"prefix": f"s3://{box}/"}, "out/a.csv.out"],
    }


# Failures, and the end before the end.


def test_a_bad_record_fails_the_job_in_the_containers_words_and_leaves_the_others(
    put: Put, transform: Transform, outputs: Any
) -> None:
    told = transform(
        put(a="1,1\n", b="1,wrong\n", c="3,3\n"),
        ContentType="text/csv",
        SplitType="Line",
        ModelClientConfig={"InvocationsMaxRetries": 0},
    )
    assert told["TransformJobStatus"] == "Failed"
    assert told["FailureReason"].startswith("AlgorithmError: See job logs for more information.")
    assert "/in/b: 500: ValueError: this record is wrong" in told["FailureReason"]
    assert f"log group {GROUP}, log stream {told['TransformJobName']}/" in told["FailureReason"]
    assert outputs() == {"out/a.out": "2.0", "out/c.out": "6.0"}
    assert "/in/b: ValueError: this record is wrong" in said(told, "/data-log")
    assert "Traceback" in said(told)


@pytest.mark.parametrize(
    ("body", "members", "words"),
    [
        ("1" * (2 << 20), {"MaxPayloadInMB": 1, "SplitType": "Line"}, "Too much data for max payload size"),
        ("1" * (2 << 20), {"MaxPayloadInMB": 1}, "Too much data for max payload size"),
        ("1,2", {"CompressionType": "Gzip"}, "not what gzip writes"),
        (
            "1,2\n3,4\n",
            {
                "SplitType": "Line",
                "AssembleWith": "Line",
                "Environment": {"ANSWER": "sizes"},
                "DataProcessing": {"JoinSource": "Input"},
            },
            "Fail to join data: mismatched line count between the input and the output",
        ),
        (
            "1,2\n",
            {"SplitType": "Line", "AssembleWith": "Line", "DataProcessing": {"InputFilter": "$[5]"}},
            "Index 5 is outside of a record of 2 elements",
        ),
    ],
)
def test_data_that_do_not_fit_the_job_fail_it(
    put: Put, transform: Transform, outputs: Any, body: str, members: dict[str, Any], words: str
) -> None:
    told = transform(put(a=body), ContentType="text/csv", Accept="text/csv", **members)
    assert told["TransformJobStatus"] == "Failed"
    assert told["FailureReason"].startswith("ClientError: See job logs for more information.")
    assert words in told["FailureReason"]
    assert outputs() == {}


def test_input_that_is_not_there_fails_the_job(box: str, transform: Transform) -> None:
    told = transform(f"s3://{box}/nothing/", ContentType="text/csv")
    assert told["TransformJobStatus"] == "Failed"
    assert told["FailureReason"].startswith("ClientError: No S3 objects found under S3 URL")


def test_a_model_that_does_not_load_fails_the_job(
    sagemaker: Any, container: dict[str, Any], role: str, put: Put, transform: Transform, unique: Any
) -> None:
    name = unique("broken")
    broken = {"Image": container["Image"], "ModelDataUrl": container["ModelDataUrl"]}
    sagemaker.create_model(ModelName=name, PrimaryContainer=broken, ExecutionRoleArn=role)
    told = transform(put(a="1"), ModelName=name, ContentType="text/csv")
    assert told["TransformJobStatus"] == "Failed"
    assert "before it answered /ping" in told["FailureReason"]
    assert "model_fn" in told["FailureReason"]


def test_a_stopped_job_leaves_nothing(
    sagemaker: Any, put: Put, start: Callable[..., str], outputs: Any, eventually: Callable[..., Any]
) -> None:
    name = start(put(a="1,1\n", b="sleep\n"), ContentType="text/csv", SplitType="Line")
    describe = sagemaker.describe_transform_job
    assert describe(TransformJobName=name)["TransformJobStatus"] == "InProgress"
    eventually(lambda: "TransformStartTime" in describe(TransformJobName=name))
    sagemaker.stop_transform_job(TransformJobName=name)
    assert describe(TransformJobName=name)["TransformJobStatus"] in ("Stopping", "Stopped")
    sagemaker.get_waiter("transform_job_completed_or_stopped").wait(TransformJobName=name, WaiterConfig=PATIENCE)
    assert describe(TransformJobName=name)["TransformJobStatus"] == "Stopped"
    assert outputs() == {}
    code, words = refusal(sagemaker.stop_transform_job, TransformJobName=name)
    assert (code, "in status Stopped" in words) == ("ValidationException", True)


# Around it.


def test_jobs_are_listed_tagged_and_have_a_component(
    sagemaker: Any, put: Put, transform: Transform, unique: Callable[[str], str]
) -> None:
    experiment = unique("experiment")
    sagemaker.create_experiment(ExperimentName=experiment)
    told = transform(
        put(a="1"),
        ContentType="text/csv",
        ExperimentConfig={"ExperimentName": experiment},
        Tags=[{"Key": "k", "Value": "v"}],
    )
    name, arn = told["TransformJobName"], told["TransformJobArn"]
    assert told["ExperimentConfig"] == {"ExperimentName": experiment}
    (listed,) = sagemaker.list_transform_jobs(NameContains=name)["TransformJobSummaries"]
    assert (listed["TransformJobArn"], listed["TransformJobStatus"]) == (arn, "Completed")
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "k", "Value": "v"}]
    component = sagemaker.describe_trial_component(TrialComponentName=f"{name}-aws-transform-job")
    assert component["Status"]["PrimaryStatus"] == "Completed"
    assert component["Source"]["SourceArn"] == arn


READ = {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/in"}}, "ContentType": "text/csv"}
LINES = {"TransformInput": {**READ, "SplitType": "Line"}}
JOIN = {"DataProcessing": {"JoinSource": "Input"}}


@pytest.fixture
def plain(echo: str) -> dict[str, Any]:
    return {
        "TransformJobName": "refused",
        "ModelName": echo,
        "TransformInput": READ,
        "TransformOutput": {"S3OutputPath": "s3://b/out"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    }


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"ModelName": "nobody"}, 'Could not find model "arn:aws:sagemaker:us-east-1:123456789012:model/nobody"'),
        ({"MaxPayloadInMB": 101}, "MaxPayloadInMB must not be greater than 100"),
        ({"MaxPayloadInMB": 50, "MaxConcurrentTransforms": 3}, "50 * 3 = 150"),
        (JOIN, "SplitType and AssembleWith to be Line"),
        ({**LINES, **JOIN}, "SplitType and AssembleWith to be the same, not Line and None"),
        ({"DataProcessing": {"InputFilter": "[0]"}}, "is not a JSONPath that transform jobs know"),
        ({"DataProcessing": {"OutputFilter": "$..x"}}, "is not a JSONPath that transform jobs know"),
        ({"DataProcessing": {"InputFilter": "$.features"}}, "does not go with CSV"),
        (
            {**JOIN, "TransformInput": {**READ, "ContentType": "image/png"}},
            "ContentType to be one of text/csv, application/json, application/jsonlines, not 'image/png'",
        ),
        (
            {**JOIN, "TransformOutput": {"S3OutputPath": "s3://b/out", "Accept": "application/json"}},
            "of one format, not text/csv and application/json",
        ),
        (
            {
                "TransformInput": {
                    "DataSource": {"S3DataSource": {"S3DataType": "AugmentedManifestFile", "S3Uri": "s3://b/x"}}
                }
            },
            "AugmentedManifestFile does not go with transform jobs",
        ),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_written(
    sagemaker: Any, plain: dict[str, Any], members: dict[str, Any], words: str
) -> None:
    code, sentence = refusal(sagemaker.create_transform_job, **{**plain, **members})
    assert code == "ValidationException"
    assert words in sentence
    assert sagemaker.list_transform_jobs(NameContains="refused")["TransformJobSummaries"] == []


def test_a_job_that_is_not_there(sagemaker: Any) -> None:
    told = refusal(sagemaker.describe_transform_job, TransformJobName="nobody")
    assert told == ("ValidationException", "Could not find requested job with name: nobody")


# Servers that die.


def test_a_job_outlives_a_killed_server(
    own_server: Any, container: dict[str, Any], eventually: Callable[..., Any]
) -> None:
    environment = own_server.environment()
    session = boto3.session.Session(
        environment["AWS_ACCESS_KEY_ID"],
        environment["AWS_SECRET_ACCESS_KEY"],
        environment.get("AWS_SESSION_TOKEN"),
        region_name=environment["AWS_REGION"],
    )
    url = f"http://127.0.0.1:{own_server.port}"
    s3, sagemaker, sts, iam = (session.client(name, endpoint_url=url) for name in ("s3", "sagemaker", "sts", "iam"))
    role = sts.get_caller_identity()["Arn"].split(":assumed-role/")[1].split("/")[0]
    s3.create_bucket(Bucket="killed")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        slow = ECHO.replace("time.sleep(60)", "time.sleep(2)")
        member = tarfile.TarInfo("code/inference.py")
        member.size = len(slow)
        archive.addfile(member, io.BytesIO(slow.encode()))
    s3.put_object(Bucket="killed", Key="model.tar.gz", Body=buffer.getvalue())
    for number in range(4):
        s3.put_object(Bucket="killed", Key=f"in/{number}", Body=f"{number} sleep")
    sagemaker.create_model(
        ModelName="m",
        PrimaryContainer={"Image": container["Image"], "ModelDataUrl": "s3://killed/model.tar.gz"},
        ExecutionRoleArn=iam.get_role(RoleName=role)["Role"]["Arn"],
    )
    sagemaker.create_transform_job(
        TransformJobName="j",
        ModelName="m",
        Environment={"ANSWER": "sizes"},
        TransformInput={**READ, "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://killed/in/"}}},
        TransformOutput={"S3OutputPath": "s3://killed/out"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
    )
    eventually(lambda: "TransformStartTime" in sagemaker.describe_transform_job(TransformJobName="j"))
    own_server.kill()
    own_server.start()
    ended = ("Completed", "Failed")
    eventually(lambda: sagemaker.describe_transform_job(TransformJobName="j")["TransformJobStatus"] in ended)
    assert sagemaker.describe_transform_job(TransformJobName="j")["TransformJobStatus"] == "Completed"
    assert [each["Key"] for each in s3.list_objects_v2(Bucket="killed", Prefix="out/")["Contents"]] == [
        f"out/{number}.out" for number in range(4)
    ]
