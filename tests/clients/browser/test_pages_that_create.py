"""The console's forms: what each creates is there, and works. They come after the pages that are looked at empty."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from playwright.sync_api import Page, expect

Picture = Callable[[str], None]
Eventually = Callable[..., Any]


@pytest.fixture(scope="session")
def model(container: dict[str, Any], role: str) -> str:
    """One that answers as the housing model does."""
    boto3.client("sagemaker").create_model(ModelName="answers", PrimaryContainer=container, ExecutionRoleArn=role)
    return "answers"


def begin(page: Page, form: str, title: str) -> None:
    page.goto(f"/#/{form}")
    expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible()


def fill(page: Page, **fields: str) -> None:
    """By their labels, with `_` for spaces."""
    for label, value in fields.items():
        named = {"name": label.replace("_", " "), "exact": True}
        page.get_by_role("textbox", **named).or_(page.get_by_role("combobox", **named)).fill(value)
        page.keyboard.press("Escape")  # suggestions cover what is below


def create(page: Page) -> None:
    page.get_by_role("button", name="Create", exact=True).click()


def test_a_model_of_a_job_and_an_endpoint_of_two_variants(
    page: Page, picture: Picture, trained: dict[str, Any], eventually: Eventually
) -> None:
    sagemaker, job = boto3.client("sagemaker"), trained["TrainingJobName"]
    begin(page, f"create-model?from={job}", "Create model")
    fill(page, Name="from-a-job")
    expect(page.get_by_label("Model artifact")).to_have_value(trained["ModelArtifacts"]["S3ModelArtifacts"])
    picture("create-model")
    create(page)
    expect(page.get_by_role("heading", name="from-a-job")).to_be_visible()
    page.get_by_role("link", name="Create endpoint").click()
    expect(page.get_by_label("Model 1")).to_have_value("from-a-job")
    fill(page, Name="two-ways")
    page.get_by_role("button", name="Add variant").click()
    fill(page, Variant_2="idle", Runs_on_2="serverless", Weight_2="0")
    expect(page.get_by_text("create_endpoint_config(")).to_contain_text('"MemorySizeInMB": 2048')
    create(page)
    expect(page.get_by_text("Serverless endpoints do not support several production variants.").first).to_be_visible()
    fill(page, Runs_on_2="ml.m5.large")
    picture("create-endpoint")
    create(page)
    expect(page.get_by_role("heading", name="two-ways")).to_be_visible()
    expect(page.get_by_text("InService", exact=True).first).to_be_visible(timeout=120_000)
    variants = sagemaker.describe_endpoint(EndpointName="two-ways")["ProductionVariants"]
    assert [each["VariantName"] for each in variants] == ["main", "idle"]
    sagemaker.delete_endpoint(EndpointName="two-ways")


def test_a_transform_job(page: Page, picture: Picture, model: str, bucket: str, rows: list[list[float]]) -> None:
    lines = "\n".join(",".join(map(str, row)) for row in rows)
    boto3.client("s3").put_object(Bucket=bucket, Key="batch/rows.csv", Body=lines.encode())
    begin(page, f"create-transform-job?model={model}", "Create transform job")
    fill(page, Name="batch", Address=f"s3://{bucket}/batch/", Output=f"s3://{bucket}/answers/")
    picture("create-transform-job")
    create(page)
    expect(page.get_by_role("heading", name="batch")).to_be_visible()
    expect(page.get_by_text("Completed", exact=True).first).to_be_visible(timeout=120_000)
    answers = boto3.client("s3").get_object(Bucket=bucket, Key="answers/rows.csv.out")["Body"].read()
    assert len(answers.splitlines()) == len(rows)


def test_a_processing_job(page: Page, picture: Picture, bucket: str) -> None:
    s3 = boto3.client("s3")
    script = "import sys; open('/opt/ml/processing/output/said.txt', 'w').write(' '.join(sys.argv[1:]))"
    s3.put_object(Bucket=bucket, Key="code/say.py", Body=script.encode())
    begin(page, "create-processing-job", "Create processing job")
    fill(page, Name="says", Script=f"s3://{bucket}/code/say.py", Arguments="hello\nthere")
    fill(page, S3_address_1=f"s3://{bucket}/said/")
    picture("create-processing-job")
    create(page)
    expect(page.get_by_role("heading", name="says")).to_be_visible()
    expect(page.get_by_text("Completed", exact=True).first).to_be_visible(timeout=120_000)
    assert s3.get_object(Bucket=bucket, Key="said/said.txt")["Body"].read() == b"hello there"


def test_a_tuning_job(page: Page, picture: Picture, trained: dict[str, Any]) -> None:
    begin(page, f"create-tuning-job?from={trained['TrainingJobName']}", "Create tuning job")
    fill(page, Name="searches", Training_jobs_in_all="2")
    expect(page.get_by_label("Objective metric")).to_have_value("validation:rmse")
    fill(page, From_1="5", To_1="20")
    picture("create-tuning-job")
    create(page)
    expect(page.get_by_role("heading", name="searches")).to_be_visible()
    expect(page.get_by_text("Completed", exact=True).first).to_be_visible(timeout=120_000)
    expect(page.locator(".coordinates path")).to_have_count(2)
    expect(page.get_by_role("img", name="and the best so far")).to_be_visible()
    picture("tuning-job")
    best = boto3.client("sagemaker").describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="searches")
    assert best["BestTrainingJob"]["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] > 0


def test_a_feature_group(page: Page, picture: Picture, bucket: str, eventually: Eventually) -> None:
    begin(page, "create-feature-group", "Create feature group")
    fill(page, Name="customers", Where=f"s3://{bucket}/features/")
    picture("create-feature-group")
    create(page)
    describe = boto3.client("sagemaker").describe_feature_group
    group = {"FeatureGroupName": "customers"}
    expect(page.get_by_role("heading", name="Create feature group")).not_to_be_visible()
    eventually(lambda: describe(**group)["FeatureGroupStatus"] == "Created")
    runtime = boto3.client("sagemaker-featurestore-runtime")
    record = {"customer_id": "7", "event_time": "2026-01-31T12:00:00Z", "amount": "1.5"}
    values = [{"FeatureName": name, "ValueAsString": value} for name, value in record.items()]
    runtime.put_record(**group, Record=values)
    assert runtime.get_record(**group, RecordIdentifierValueAsString="7")["Record"] == values


def test_a_tracking_server(page: Page, picture: Picture, bucket: str) -> None:
    begin(page, "create-tracking-server", "Create MLflow tracking server")
    fill(page, Name="tracks", Artifacts=f"s3://{bucket}/mlflow/")
    picture("create-tracking-server")
    create(page)
    expect(page.get_by_role("heading", name="Create MLflow")).not_to_be_visible()
    sagemaker, name = boto3.client("sagemaker"), {"TrackingServerName": "tracks"}
    assert sagemaker.describe_mlflow_tracking_server(**name)["TrackingServerSize"] == "Small"
    sagemaker.delete_mlflow_tracking_server(**name)


def test_a_bucket_that_keeps_versions(page: Page, picture: Picture) -> None:
    begin(page, "create-bucket", "Create bucket")
    fill(page, Name="No such name")
    create(page)
    expect(page.get_by_text("The specified bucket is not valid").first).to_be_visible()
    fill(page, Name="made-here")
    page.get_by_label("Keep versions").check()
    picture("create-bucket")
    create(page)
    expect(page.get_by_text("Nothing is here yet.")).to_be_visible()
    assert boto3.client("s3").get_bucket_versioning(Bucket="made-here")["Status"] == "Enabled"


def test_what_is_wrong_is_said_at_the_field(page: Page, picture: Picture, model: str) -> None:
    begin(page, "create-endpoint", "Create endpoint")
    fill(page, Name="not_a_name", Runs_on_1="ml.huge")
    create(page)
    expect(page.get_by_text("See what is said at the fields.", exact=True)).to_be_visible()
    assert page.get_by_role("textbox", name="Name", exact=True).get_attribute("aria-invalid") == "true"
    expect(page.get_by_role("textbox", name="Name", exact=True)).to_be_focused()
    picture("create-endpoint-wrong")
    fill(page, Name="a-name", Runs_on_1="ml.m5.large", Model_1="nothing-so-called")
    create(page)
    expect(page.get_by_text("Could not find model").first).to_be_visible()


@pytest.mark.parametrize("options", [{"color_scheme": "dark"}, {"viewport": {"width": 390, "height": 844}}])
def test_forms_in_the_dark_and_on_a_phone(page: Page, picture: Picture, options: dict[str, Any], model: str) -> None:
    where = "dark" if "color_scheme" in options else "phone"
    for form, title in {"create-endpoint": "Create endpoint", "create-feature-group": "Create feature group"}.items():
        begin(page, form, title)
        picture(f"{form}-{where}")
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
