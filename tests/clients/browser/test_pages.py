"""Pages that show: one of everything is made once, each page is looked at, as it is with nothing and to who may not."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from playwright.sync_api import Page, expect

from .conftest import PICTURES

Picture = Callable[[str], None]
PASSWORD = "Correct-horse-7"
SKLEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
PATIENCE = {"Delay": 1, "MaxAttempts": 300}
WAIT = """
import time
for number in range(600):
    print("it waits", number, flush=True)
    time.sleep(0.5)
"""
PREPARE = """
import pathlib
rows = pathlib.Path("/opt/ml/processing/in/rows.csv").read_text().splitlines()
pathlib.Path("/opt/ml/processing/out/count").write_text(str(len(rows)))
pathlib.Path("/opt/ml/output/message").write_text(f"{len(rows)} rows were counted")
print("it counts the rows")
"""
ON_START = "#!/bin/bash\necho prepared\n"
EMPTY = {
    "experiments": "There are no experiments yet.",
    "feature-groups": "There are no feature groups yet.",
    "mlflow": "There are no MLflow tracking servers yet.",
    "athena": "Nothing was asked in this workgroup.",
    "lifecycle-configs": "There are no lifecycle configurations yet.",
    "code-repositories": "There are no code repositories yet.",
    "metrics?namespace=nothing": "There are no such metrics.",
    "compare": "Choose runs of an experiment",
}
MISSING = ("transform-jobs", "models", "notebooks", "lifecycle-configs", "feature-groups", "mlflow", "runs", "athena")
DENIED = {
    "transform-jobs/none": "sagemaker:DescribeTransformJob",
    "models/none": "sagemaker:DescribeModel",
    "lifecycle-configs": "sagemaker:ListNotebookInstanceLifecycleConfigs",
    "feature-groups": "sagemaker:ListFeatureGroups",
    "mlflow": "sagemaker:ListMlflowTrackingServers",
    "experiments": "sagemaker:ListExperiments",
    "experiments/none": "sagemaker:DescribeExperiment",
    "runs": "sagemaker:Search",
    "compare?run=none": "sagemaker:Search",
    "metrics": "cloudwatch:ListMetrics",
    "athena": "athena:ListQueryExecutions",
    "athena/none": "athena:GetQueryExecution",
}
"""What a page asks first."""


def go(page: Page, path: str) -> None:
    page.goto(f"/#/{path}")


def test_empty_pages_teach(page: Page, picture: Picture) -> None:
    for path, sentence in EMPTY.items():
        go(page, path)
        expect(page.get_by_text(sentence)).to_be_visible()
        if path != "compare":
            expect(page.get_by_text("boto3.client(")).to_be_visible()
        picture(f"{path.partition('?')[0]}-empty")
    for path in MISSING:
        go(page, f"{path}/none")
        expect(page.get_by_text("This did not work")).to_be_visible()
        expect(page.get_by_role("link", name="none")).to_be_visible()


def test_who_may_not_is_told_what_is_missing(stranger: Page, unique: Callable[[str], str]) -> None:
    iam, name = boto3.client("iam"), unique("bob")
    iam.create_user(UserName=name)
    iam.create_login_profile(UserName=name, Password=PASSWORD)
    stranger.goto("/")
    stranger.get_by_label("User name").fill(name)
    stranger.get_by_label("Password").fill(PASSWORD)
    stranger.keyboard.press("Enter")
    expect(stranger.get_by_role("button", name=name)).to_be_visible()
    for path, action in DENIED.items():
        go(stranger, path)
        expect(stranger.get_by_text(f"not authorized to perform: {action}").first).to_be_visible()
        expect(stranger.get_by_text(f'"Action": "{action}"').first).to_be_visible()
    go(stranger, "models/none")
    expect(stranger.get_by_text("sagemaker:DescribeModel").first).to_be_visible()
    PICTURES.mkdir(parents=True, exist_ok=True)
    stranger.screenshot(path=PICTURES / "denied.png", animations="disabled")


@pytest.fixture(scope="session")
def lasting(role: str, bucket: str) -> None:
    """A notebook instance with its scripts and repository, and an MLflow server: they take a while to come."""
    sagemaker = boto3.client("sagemaker")
    script = [{"Content": base64.b64encode(ON_START.encode()).decode()}]
    sagemaker.create_notebook_instance_lifecycle_config(NotebookInstanceLifecycleConfigName="prepared", OnStart=script)
    git = {"RepositoryUrl": "https://git.example.com/research.git", "Branch": "main"}
    sagemaker.create_code_repository(CodeRepositoryName="research", GitConfig=git)
    sagemaker.create_notebook_instance(
        NotebookInstanceName="lab", InstanceType="ml.t3.medium", RoleArn=role, LifecycleConfigName="prepared"
    )
    sagemaker.create_mlflow_tracking_server(
        TrackingServerName="runs", ArtifactStoreUri=f"s3://{bucket}/mlflow", RoleArn=role
    )


@pytest.fixture(scope="session")
def asked(bucket: str, lasting: None) -> str:
    """A query of Athena's."""
    return str(
        boto3.client("athena").start_query_execution(
            QueryString="SELECT n, n * n AS square FROM UNNEST(sequence(1, 5)) AS t(n)",
            ResultConfiguration={"OutputLocation": f"s3://{bucket}/results/"},
        )["QueryExecutionId"]
    )


def process(name: str, script: str, role: str, bucket: str) -> None:
    """Start a processing job of one script."""
    s3 = boto3.client("s3")
    s3.put_object(Bucket=bucket, Key=f"{name}/in/rows.csv", Body=b"1\n2\n3\n")
    s3.put_object(Bucket=bucket, Key=f"{name}/code/script.py", Body=script.encode())
    root, places = "/opt/ml/processing", ("in", "code")
    inputs = [
        {"S3Uri": f"s3://{bucket}/{name}/{place}", "LocalPath": f"{root}/{place}", "S3DataType": "S3Prefix"}
        for place in places
    ]
    output = {"S3Uri": f"s3://{bucket}/{name}-out", "LocalPath": f"{root}/out", "S3UploadMode": "EndOfJob"}
    cluster = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}
    boto3.client("sagemaker").create_processing_job(
        ProcessingJobName=name,
        RoleArn=role,
        AppSpecification={"ImageUri": SKLEARN, "ContainerEntrypoint": ["python3", f"{root}/code/script.py"]},
        Environment={"MOOD": "curious"},
        ProcessingInputs=[
            {"InputName": place, "S3Input": {**given, "S3InputMode": "File"}}
            for place, given in zip(places, inputs, strict=True)
        ],
        ProcessingOutputConfig={"Outputs": [{"OutputName": "out", "S3Output": output}]},
        ProcessingResources={"ClusterConfig": cluster},
    )


@pytest.fixture(scope="session")
def processed(role: str, bucket: str, asked: str) -> str:
    """A processing job that counts."""
    process("count", PREPARE, role, bucket)
    return "count"


@pytest.fixture(scope="session")
def transformed(role: str, bucket: str, container: dict[str, Any], rows: list[list[float]], processed: str) -> str:
    """A batch transform job over three objects, of the housing model."""
    sagemaker, name = boto3.client("sagemaker"), "valued"
    sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=role)
    for number, row in enumerate(rows):
        body = ",".join(map(str, row)).encode()
        boto3.client("s3").put_object(Bucket=bucket, Key=f"to-value/{number}.csv", Body=body)
    place = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/to-value/"}}
    sagemaker.create_transform_job(
        TransformJobName=name,
        ModelName=name,
        TransformInput={"DataSource": place, "ContentType": "text/csv", "SplitType": "Line"},
        TransformOutput={"S3OutputPath": f"s3://{bucket}/values", "Accept": "text/csv", "AssembleWith": "Line"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
    )
    return name


@pytest.fixture(scope="session")
def group(role: str, bucket: str) -> str:
    """A feature group with a record."""
    kinds = {"id": "Integral", "time": "String", "rooms": "Integral", "garden": "String"}
    boto3.client("sagemaker").create_feature_group(
        FeatureGroupName="houses",
        RecordIdentifierFeatureName="id",
        EventTimeFeatureName="time",
        FeatureDefinitions=[{"FeatureName": name, "FeatureType": kind} for name, kind in kinds.items()],
        OnlineStoreConfig={"EnableOnlineStore": True},
        OfflineStoreConfig={"S3StorageConfig": {"S3Uri": f"s3://{bucket}/features"}},
        RoleArn=role,
    )
    values = {"id": "17", "time": "2026-01-02T00:00:00Z", "rooms": "5", "garden": "a large one"}
    boto3.client("sagemaker-featurestore-runtime").put_record(
        FeatureGroupName="houses",
        Record=[{"FeatureName": name, "ValueAsString": value} for name, value in values.items()],
    )
    return "houses"


@pytest.fixture(scope="session")
def experiment(trained: dict[str, Any]) -> str:
    """An experiment of three runs with steps, and a training job without."""
    sagemaker, metrics = boto3.client("sagemaker"), boto3.client("sagemaker-metrics")
    sagemaker.create_experiment(ExperimentName="prices", Description="What houses cost")
    sagemaker.create_experiment(ExperimentName="empty")
    sagemaker.create_trial(TrialName="first", ExperimentName="prices")
    now = datetime.now(UTC)
    for number, rate in enumerate((0.01, 0.1, 0.5)):
        name = f"rate-{number}"
        sagemaker.create_trial_component(
            TrialComponentName=name,
            DisplayName=f"rate-{rate}".replace(".", "-"),
            Parameters={"rate": {"NumberValue": rate}, "optimizer": {"StringValue": ("adam", "sgd")[number % 2]}},
            InputArtifacts={"train": {"Value": "s3://client-tests/housing/", "MediaType": "text/csv"}},
            Status={"PrimaryStatus": "Completed"},
        )
        sagemaker.associate_trial_component(TrialComponentName=name, TrialName="first")
        data = [
            {"MetricName": metric, "Timestamp": now, "Step": step, "Value": start * 0.8 ** (step * (number + 1))}
            for step in range(20)
            for metric, start in (("loss", 1.0), ("error", 0.5))
        ]
        for at in range(0, len(data), 10):
            metrics.batch_put_metrics(TrialComponentName=name, MetricData=data[at : at + 10])
    job = f"{trained['TrainingJobName']}-aws-training-job"
    sagemaker.associate_trial_component(TrialComponentName=job, TrialName="first")
    return "prices"


@pytest.fixture(scope="session")
def measured() -> str:
    """A namespace with two metrics of two cities, for half an hour."""
    now = datetime.now(UTC).timestamp()
    data = [
        {
            "MetricName": name,
            "Dimensions": [{"Name": "City", "Value": city}],
            "Timestamp": now - 60 * minute,
            "Value": value * size + minute % 7,
        }
        for name, value in (("Sold", 3), ("Asked", 20))
        for city, size in (("Bern", 1), ("Basel", 2))
        for minute in range(30)
    ]
    boto3.client("cloudwatch").put_metric_data(Namespace="houses", MetricData=data)
    return "houses"


@pytest.fixture(scope="session")
def everything(
    lasting: None, asked: str, processed: str, transformed: str, group: str, experiment: str, eventually: Any
) -> None:
    """All of it, done or in service."""
    sagemaker = boto3.client("sagemaker")
    waits = {
        "processing_job_completed_or_stopped": {"ProcessingJobName": processed},
        "transform_job_completed_or_stopped": {"TransformJobName": transformed},
        "notebook_instance_in_service": {"NotebookInstanceName": "lab"},
    }
    for name, params in waits.items():
        sagemaker.get_waiter(name).wait(**params, WaiterConfig=PATIENCE)
    server = {"TrackingServerName": "runs"}
    eventually(lambda: sagemaker.describe_mlflow_tracking_server(**server)["TrackingServerStatus"] == "Created")
    query = {"QueryExecutionId": asked}
    ends = ("SUCCEEDED", "FAILED")
    athena = boto3.client("athena")
    eventually(lambda: athena.get_query_execution(**query)["QueryExecution"]["Status"]["State"] in ends)


def test_a_transform_job(page: Page, picture: Picture, everything: None) -> None:
    go(page, "transform-jobs")
    page.get_by_role("link", name="valued").click()
    expect(page.get_by_text("3 of 3 done")).to_be_visible()
    page.get_by_role("button", name="Log stream").click()
    page.get_by_role("option", name="data-log").click()
    expect(page.get_by_text("3 of 3 objects done")).to_be_visible()
    picture("transform-job-log")
    page.get_by_role("tab", name="Inputs and outputs").click()
    expect(page.get_by_role("rowheader", name="0.csv.out")).to_be_visible()
    picture("transform-job-data")


def test_a_processing_job(page: Page, picture: Picture, everything: None) -> None:
    go(page, "processing-jobs")
    page.get_by_role("link", name="count", exact=True).click()
    expect(page.get_by_text("3 rows were counted")).to_be_visible()
    expect(page.get_by_text("it counts the rows")).to_be_visible()
    picture("processing-job-log")
    page.get_by_role("tab", name="Inputs and outputs").click()
    expect(page.get_by_text("s3://client-tests/count-out")).to_be_visible()
    picture("processing-job-data")


def test_a_job_that_runs_is_followed_and_stopped(
    page: Page, picture: Picture, role: str, bucket: str, everything: None
) -> None:
    process("wait", WAIT, role, bucket)
    go(page, "processing-jobs/wait")
    expect(page.get_by_text("it waits 3")).to_be_visible()
    picture("processing-job-live")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Stopped", exact=True)).to_be_visible()


def test_a_model(page: Page, picture: Picture, everything: None) -> None:
    go(page, "models")
    page.get_by_role("link", name="valued").click()
    expect(page.get_by_text("SAGEMAKER_PROGRAM")).to_be_visible()
    expect(page.get_by_text("No endpoint serves it.")).to_be_visible()
    sagemaker, name = boto3.client("sagemaker"), "valuing"
    variant = {"VariantName": "v", "ModelName": "valued", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    expect(page.get_by_role("link", name=name)).to_be_visible()
    picture("model")
    page.get_by_role("link", name="Create endpoint").click()
    expect(page.get_by_text('"ModelName": "valued"')).to_be_visible()


def test_a_notebook_is_opened_stopped_and_has_its_scripts(page: Page, picture: Picture, everything: None) -> None:
    go(page, "notebooks")
    page.get_by_role("link", name="lab", exact=True).click()
    page.get_by_role("button", name="Log stream").click()
    page.get_by_role("option", name="LifecycleConfigOnStart").click()
    expect(page.get_by_text("prepared", exact=True).last).to_be_visible()
    picture("notebook")
    with page.expect_popup() as opened:
        page.get_by_role("button", name="Open JupyterLab").click()
    opened.value.wait_for_url("**/lab**")
    opened.value.close()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Start")).to_be_visible()
    page.get_by_role("link", name="prepared").click()
    expect(page.get_by_text("echo prepared")).to_be_visible()
    expect(page.get_by_role("link", name="lab")).to_be_visible()
    picture("lifecycle-config")
    go(page, "code-repositories")
    expect(page.get_by_text("https://git.example.com/research.git")).to_be_visible()
    picture("code-repositories")


def test_a_feature_group(page: Page, picture: Picture, everything: None) -> None:
    go(page, "feature-groups")
    page.get_by_role("link", name="houses").click()
    page.get_by_label("id", exact=True).fill("17")
    page.keyboard.press("Enter")
    expect(page.get_by_role("cell", name="a large one")).to_be_visible()
    picture("feature-group")
    page.get_by_label("id", exact=True).fill("18")
    page.keyboard.press("Enter")
    expect(page.get_by_text("There is no record 18")).to_be_visible()


def test_mlflow_is_opened(page: Page, picture: Picture, everything: None) -> None:
    go(page, "mlflow")
    expect(page.get_by_role("button", name="Open runs")).to_be_enabled()
    picture("mlflow-servers")
    page.get_by_role("link", name="runs", exact=True).click()
    expect(page.locator(".log")).to_be_visible()
    picture("mlflow-server")
    with page.expect_popup() as opened:
        page.get_by_role("button", name="Open MLflow").click()
    expect(opened.value.get_by_text("Experiments").first).to_be_visible()
    opened.value.close()


def test_athena_is_asked(page: Page, picture: Picture, everything: None) -> None:
    go(page, "athena")
    page.get_by_role("link", name="SELECT n, n * n").click()
    expect(page.get_by_role("cell", name="25")).to_be_visible()
    picture("query")
    go(page, "athena")
    page.get_by_label("Query", exact=True).fill("SHOW DATABASES")
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_text("SUCCEEDED")).to_be_visible()
    expect(page.get_by_role("cell", name="sagemaker_featurestore", exact=True)).to_be_visible()
    go(page, "athena")
    expect(page.get_by_role("link", name="SHOW DATABASES")).to_be_visible()
    picture("athena")


def test_experiments_change_by_themselves_and_an_empty_one_teaches(page: Page, picture: Picture) -> None:
    go(page, "experiments")
    expect(page.get_by_role("heading", name="Experiments")).to_be_visible()
    boto3.client("sagemaker").create_experiment(ExperimentName="appears")
    page.get_by_role("link", name="appears").click()
    expect(page.get_by_text('Run(experiment_name="appears")')).to_be_visible()
    picture("experiment-empty")


def test_runs_are_compared(page: Page, picture: Picture, everything: None) -> None:
    go(page, "experiments/prices")
    expect(page.get_by_role("link", name="rate-0-5", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="rate-0-1: rate 0.1")).to_be_visible()
    picture("experiment")
    for rate in ("0-01", "0-1", "0-5"):
        page.get_by_role("checkbox", name=f"Choose rate-{rate}", exact=True).check()
    page.get_by_role("link", name="Compare").click()
    expect(page.locator(".chart canvas")).to_have_count(2)
    picture("compare")
    page.get_by_text("What differs only").click()
    expect(page.get_by_role("cell", name="sgd")).to_be_visible()
    page.get_by_role("button", name="Metric error").click()
    page.get_by_role("option", name="loss").click()
    page.locator(".scatter").scroll_into_view_if_needed()
    picture("compare-scatter")
    page.get_by_role("link", name="rate-0-5: rate 0.5").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="rate-2")).to_be_visible()
    expect(page.locator(".chart canvas")).to_have_count(2)
    picture("run")


def test_a_training_job_is_a_run_and_has_metrics(
    page: Page, picture: Picture, trained: dict[str, Any], everything: None
) -> None:
    go(page, f"training-jobs/{trained['TrainingJobName']}")
    page.get_by_role("link", name="In experiments").click()
    expect(page.get_by_role("link", name=trained["TrainingJobName"], exact=True)).to_be_visible()
    expect(page.locator(".chart canvas")).to_be_visible()
    picture("run-of-a-job")
    page.go_back()
    page.get_by_role("link", name="In metrics").click()
    expect(page.locator(".chart canvas")).to_be_visible()
    picture("metrics-of-a-job")


def test_metrics_are_found_and_charted(page: Page, picture: Picture, measured: str) -> None:
    go(page, "metrics")
    page.get_by_label("Namespace").fill(measured)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Find", exact=True).click()
    expect(page.get_by_role("heading", name="Found (4)")).to_be_visible()
    page.get_by_role("checkbox", name="Choose all").check()
    expect(page.locator(".chart canvas")).to_have_count(2)
    page.get_by_role("button", name="Statistic").click()
    page.get_by_role("option", name="Maximum").click()
    expect(page.get_by_text("Maximum").nth(1)).to_be_visible()
    picture("metrics")


SHOWN = {
    "transform-jobs/valued": "Objects",
    "processing-jobs/count": "it counts the rows",
    "models/valued": "SAGEMAKER_PROGRAM",
    "notebooks/lab": "ml.t3.medium",
    "lifecycle-configs/prepared": "echo prepared",
    "feature-groups/houses": "record identifier",
    "mlflow/runs": "Tracking URI",
    "athena": "SELECT n, n * n",
    "experiments/prices": "rate-0-5",
    "compare?run=rate-0&run=rate-1": "By step",
    "runs/rate-1": "By step",
    "metrics?namespace=houses&dimensions=City%3DBern": "Asked",
    "experiments/empty": "There are no runs yet.",
}


DARK = ("models/valued", "experiments/prices", "compare?run=rate-0&run=rate-1", "athena")


def look(page: Page, path: str) -> None:
    go(page, path)
    expect(page.get_by_text(SHOWN[path]).first).to_be_visible()
    if "=" in path:
        expect(page.locator(".chart canvas").first).to_be_visible()


def called(path: str) -> str:
    return path.partition("?")[0].replace("/", "-")


@pytest.mark.parametrize("options", [{"viewport": {"width": 390, "height": 844}}])
def test_on_a_phone(page: Page, picture: Picture, everything: None, measured: str) -> None:
    for path in SHOWN:
        look(page, path)
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth"), path
        picture(f"phone-{called(path)}")


@pytest.mark.parametrize("options", [{"color_scheme": "dark"}])
def test_in_the_dark(page: Page, picture: Picture, everything: None) -> None:
    for path in DARK:
        look(page, path)
        picture(f"dark-{called(path)}")
