"""The console as its users see it: each page with real things behind it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from playwright.sync_api import Page, expect

from .conftest import PICTURES

Picture = Callable[[str], None]
PASSWORD = "Correct-horse-7"


@pytest.fixture(scope="session")
def endpoint(container: dict[str, Any], role: str) -> str:
    """One that serves the housing model."""
    sagemaker, name = boto3.client("sagemaker"), "houses"
    sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=role)
    variant = {
        "VariantName": "first",
        "ModelName": name,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
        "InitialVariantWeight": 1.0,
    }
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 300})
    return name


def go(page: Page, path: str) -> None:
    page.goto(f"/#/{path}")


def test_empty_pages_teach(page: Page, picture: Picture) -> None:
    go(page, "endpoints")
    expect(page.get_by_text("Nothing is deployed yet.")).to_be_visible()
    picture("endpoints-empty")
    go(page, "tuning-jobs")
    expect(page.get_by_text("No hyperparameters were searched yet.")).to_be_visible()
    go(page, "notebooks")
    expect(page.get_by_text("There are no notebooks yet.")).to_be_visible()
    go(page, "processing-jobs")
    expect(page.get_by_text("Nothing was processed yet.")).to_be_visible()
    go(page, "transform-jobs")
    expect(page.get_by_text("No batch was transformed yet.")).to_be_visible()


def test_a_user_signs_in_and_sees_what_is_allowed(stranger: Page, unique: Callable[[str], str]) -> None:
    iam, name = boto3.client("iam"), unique("ada")
    iam.create_user(UserName=name)
    iam.create_login_profile(UserName=name, Password=PASSWORD)
    stranger.goto("/")
    stranger.get_by_label("User name").fill(name)
    stranger.get_by_label("Password").fill("wrong")
    stranger.get_by_role("button", name="Sign in").click()
    expect(stranger.get_by_text("The user or the password is wrong.", exact=True)).to_be_visible()
    PICTURES.mkdir(parents=True, exist_ok=True)
    stranger.screenshot(path=PICTURES / "sign-in.png")
    stranger.get_by_label("Password").fill(PASSWORD)
    stranger.keyboard.press("Enter")
    expect(stranger.get_by_text("not authorized to perform: sagemaker:List").first).to_be_visible()
    stranger.screenshot(path=PICTURES / "overview-denied.png")
    stranger.get_by_role("button", name=name).click()
    stranger.get_by_role("menuitem", name="Sign out").click()
    expect(stranger.get_by_label("User name")).to_be_visible()


def test_training_jobs(page: Page, picture: Picture, trained: dict[str, Any]) -> None:
    name = trained["TrainingJobName"]
    go(page, "training-jobs")
    expect(page.get_by_role("link", name=name)).to_be_visible()
    picture("training-jobs")
    page.get_by_role("link", name=name).click()
    expect(page.get_by_text("validation:rmse=").first).to_be_visible()
    picture("training-job-log")
    page.get_by_role("tab", name="Metrics").click()
    expect(page.locator(".chart canvas")).to_be_visible()
    picture("training-job-metrics")
    page.get_by_role("tab", name="Inputs").click()
    expect(page.get_by_text("sagemaker_program")).to_be_visible()
    picture("training-job-inputs")


def test_a_job_is_cloned_and_followed(page: Page, picture: Picture, trained: dict[str, Any]) -> None:
    name = trained["TrainingJobName"]
    go(page, f"training-jobs/{name}")
    page.get_by_role("link", name="Clone").click()
    expect(page.get_by_text(f'TrainingJobName="{name}-copy"')).to_be_visible()
    picture("training-job-clone")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("heading", name=f"{name}-copy")).to_be_visible()
    expect(page.get_by_text("Completed", exact=True).first).to_be_visible(timeout=120_000)
    described = boto3.client("sagemaker").describe_training_job(TrainingJobName=f"{name}-copy")
    assert described["HyperParameters"] == trained["HyperParameters"]
    expect(page.get_by_text("validation:rmse=").first).to_be_visible()


def test_a_new_job_has_defaults(page: Page, picture: Picture, role: str, trained: dict[str, Any]) -> None:
    go(page, "create-training-job")
    expect(page.get_by_label("Role")).to_have_value(role)
    page.get_by_role("button", name="Add hyperparameter").click()
    page.get_by_label("Name 1").fill("depth")
    page.get_by_label("Value 1").fill("3")
    call = page.get_by_text("create_training_job(")
    expect(call).to_contain_text('"depth": "3"')
    call.scroll_into_view_if_needed()
    picture("create-training-job")
    page.get_by_label("Output").fill("nowhere")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_text("It must satisfy regular expression pattern").first).to_be_visible()


def test_lists_change_by_themselves(page: Page, role: str, container: dict[str, Any]) -> None:
    go(page, "models")
    expect(page.get_by_role("heading", name="Models")).to_be_visible()
    boto3.client("sagemaker").create_model(ModelName="appears", PrimaryContainer=container, ExecutionRoleArn=role)
    expect(page.get_by_text("appears", exact=True)).to_be_visible()


def test_an_endpoint_is_asked(page: Page, picture: Picture, endpoint: str, rows: list[list[float]]) -> None:
    go(page, f"endpoints/{endpoint}")
    page.get_by_label("Body").fill(json.dumps(rows))
    page.get_by_role("button", name="Invoke").click()
    expect(page.get_by_text("first answered application/json")).to_be_visible()
    page.mouse.wheel(0, 2000)
    picture("endpoint")
    page.get_by_label("Body").fill("{")
    page.get_by_role("button", name="Invoke").click()
    expect(page.get_by_text("This did not work")).to_be_visible()


def test_how_an_endpoint_scales(page: Page, picture: Picture, endpoint: str) -> None:
    scaling = boto3.client("application-autoscaling")
    variant = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{endpoint}/variant/first",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    scaling.register_scalable_target(**variant, MinCapacity=1, MaxCapacity=4)
    metric = {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}
    tracking = {"TargetValue": 600.0, "PredefinedMetricSpecification": metric}
    scaling.put_scaling_policy(
        **variant,
        PolicyName="busy",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration=tracking,
    )
    go(page, f"endpoints/{endpoint}")
    page.get_by_role("tab", name="Autoscaling").click()
    expect(page.get_by_text("keeps SageMakerVariantInvocationsPerInstance at 600")).to_be_visible()
    expect(page.get_by_text("Nothing was scaled yet.")).to_be_visible()
    picture("endpoint-autoscaling")
    scaling.deregister_scalable_target(**variant)


def test_logs(page: Page, picture: Picture, trained: dict[str, Any]) -> None:
    go(page, "logs")
    page.get_by_role("link", name="/aws/sagemaker/TrainingJobs").click()
    page.get_by_label("Filter pattern").fill("rmse")
    page.get_by_role("button", name="Search all streams").click()
    expect(page.get_by_role("status").get_by_text("validation:rmse=").first).to_be_visible()
    picture("logs-search")


def test_overview_and_cost(page: Page, picture: Picture, endpoint: str, trained: dict[str, Any]) -> None:
    page.goto("/")
    expect(page.get_by_role("link", name=trained["TrainingJobName"], exact=True)).to_be_visible()
    expect(page.get_by_role("link", name=endpoint, exact=True)).to_be_visible()
    expect(page.get_by_text("of disk free")).to_be_visible()
    picture("overview")
    go(page, "cost")
    page.get_by_role("button", name="Group by").click()
    page.get_by_role("option", name="By user").click()
    expect(page.get_by_role("row").nth(1)).to_contain_text("SagewrightExecutionRole")
    expect(page.get_by_text("$").first).to_be_visible()
    picture("cost")


def test_what_is_not_there_says_so(page: Page, picture: Picture) -> None:
    go(page, "training-jobs/none")
    expect(page.get_by_text("Requested resource not found.")).to_be_visible()
    picture("training-job-missing")


@pytest.mark.parametrize("options", [{"color_scheme": "dark"}, {"viewport": {"width": 390, "height": 844}}])
def test_dark_and_small(page: Page, picture: Picture, options: dict[str, Any], trained: dict[str, Any]) -> None:
    go(page, f"training-jobs/{trained['TrainingJobName']}")
    page.get_by_role("tab", name="Metrics").click()
    expect(page.locator(".chart canvas")).to_be_visible()
    wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert not wide
    picture("dark" if "color_scheme" in options else "phone")
