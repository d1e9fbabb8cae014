"""Models, endpoint configurations and endpoints through boto3, and predictions from them."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import WaiterError

from .refusals import refusal

PATIENCE = {"Delay": 1, "MaxAttempts": 300}
Unique = Callable[[str], str]


@pytest.fixture(scope="module")
def sagemaker() -> Any:
    return boto3.client("sagemaker")


@pytest.fixture(scope="module")
def runtime() -> Any:
    return boto3.client("runtime.sagemaker")  # the old name, which many notebooks still use


@pytest.fixture(scope="module")
def model(sagemaker: Any, container: dict[str, Any], role: str, unique: Unique) -> str:
    name = unique("model")
    sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=role)
    return name


def variant(model: str, name: str = "AllTraffic", **more: Any) -> dict[str, Any]:
    return {
        "VariantName": name,
        "ModelName": model,
        "InitialInstanceCount": 1,
        "InstanceType": "ml.m5.large",
        **more,
    }


@pytest.fixture(scope="module")
def config(sagemaker: Any, model: str, unique: Unique) -> str:
    name = unique("config")
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant(model)])
    return name


@pytest.fixture(scope="module")
def endpoint(sagemaker: Any, config: str, unique: Unique) -> Iterator[str]:
    name = unique("endpoint")
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
    assert sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "Creating"
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig=PATIENCE)
    yield name
    sagemaker.delete_endpoint(EndpointName=name)
    sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=name, WaiterConfig=PATIENCE)


def test_an_endpoint_predicts_from_json(runtime: Any, endpoint: str, rows: list[list[float]]) -> None:
    answer = runtime.invoke_endpoint(
        EndpointName=endpoint,
        ContentType="application/json",
        Accept="application/json",
        Body=json.dumps(rows),
    )
    assert (answer["ContentType"], answer["InvokedProductionVariant"]) == ("application/json", "AllTraffic")
    prices = json.loads(answer["Body"].read())
    assert len(prices) == 3
    assert all(5 < price < 50 for price in prices)


def test_text_and_json_lead_to_the_same_prediction(runtime: Any, endpoint: str, rows: list[list[float]]) -> None:
    text = "\n".join(",".join(map(str, row)) for row in rows)
    as_csv = runtime.invoke_endpoint(EndpointName=endpoint, ContentType="text/csv", Accept="text/csv", Body=text)
    as_json = runtime.invoke_endpoint(EndpointName=endpoint, ContentType="application/json", Body=json.dumps(rows))
    prices = [float(value) for value in as_csv["Body"].read().decode().replace("\n", ",").strip(",").split(",")]
    assert prices == pytest.approx(json.loads(as_json["Body"].read()), rel=1e-3)


def test_the_models_own_error_is_handed_on(runtime: Any, endpoint: str) -> None:
    with pytest.raises(runtime.exceptions.ModelError) as caught:
        runtime.invoke_endpoint(EndpointName=endpoint, ContentType="text/csv", Body=b"no,numbers,here")
    response = caught.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert response["OriginalStatusCode"] >= 400
    assert f"/aws/sagemaker/Endpoints/{endpoint}" in response["LogStreamArn"]


def test_the_endpoint_tells_what_it_runs(sagemaker: Any, endpoint: str, config: str) -> None:
    told = sagemaker.describe_endpoint(EndpointName=endpoint)
    assert (told["EndpointStatus"], told["EndpointConfigName"]) == ("InService", config)
    (running,) = told["ProductionVariants"]
    assert (running["VariantName"], running["CurrentInstanceCount"], running["CurrentWeight"]) == (
        "AllTraffic",
        1,
        1.0,
    )


def test_what_the_model_prints_is_in_the_endpoints_log(
    runtime: Any, endpoint: str, eventually: Callable[..., Any]
) -> None:
    with pytest.raises(runtime.exceptions.ModelError):
        runtime.invoke_endpoint(EndpointName=endpoint, ContentType="text/csv", Body=b"1,twelve,3")
    logs = boto3.client("logs")
    where = {"logGroupName": f"/aws/sagemaker/Endpoints/{endpoint}", "logStreamNamePrefix": "AllTraffic/"}

    def told() -> bool:
        try:
            events = logs.filter_log_events(**where)["events"]
        except logs.exceptions.ResourceNotFoundException:  # nothing printed yet
            return False
        return any("twelve" in event["message"] for event in events)

    eventually(told)


def test_an_update_changes_the_configuration_and_keeps_answering(
    sagemaker: Any, runtime: Any, endpoint: str, model: str, unique: Unique, rows: list[list[float]]
) -> None:
    second = unique("config")
    variants = [variant(model, "A"), variant(model, "B")]
    sagemaker.create_endpoint_config(EndpointConfigName=second, ProductionVariants=variants)
    sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=second)
    assert sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointStatus"] == "Updating"
    runtime.invoke_endpoint(EndpointName=endpoint, ContentType="application/json", Body=json.dumps(rows))
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=endpoint, WaiterConfig=PATIENCE)
    told = sagemaker.describe_endpoint(EndpointName=endpoint)
    assert told["EndpointConfigName"] == second
    assert sorted(running["VariantName"] for running in told["ProductionVariants"]) == ["A", "B"]


def test_a_variant_can_be_named(runtime: Any, endpoint: str, rows: list[list[float]]) -> None:
    answer = runtime.invoke_endpoint(
        EndpointName=endpoint, TargetVariant="B", ContentType="application/json", Body=json.dumps(rows)
    )
    assert answer["InvokedProductionVariant"] == "B"


def test_an_endpoint_without_its_configuration_goes_on(
    sagemaker: Any, runtime: Any, endpoint: str, rows: list[list[float]]
) -> None:
    name = sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
    sagemaker.delete_endpoint_config(EndpointConfigName=name)
    assert sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointStatus"] == "InService"
    runtime.invoke_endpoint(EndpointName=endpoint, ContentType="application/json", Body=json.dumps(rows))


def test_a_model_that_cannot_load_fails_its_endpoint(
    sagemaker: Any, container: dict[str, Any], role: str, bucket: str, unique: Unique
) -> None:
    name = unique("broken")
    boto3.client("s3").put_object(Bucket=bucket, Key="broken/model.tar.gz", Body=b"this is no archive")
    broken = {**container, "ModelDataUrl": f"s3://{bucket}/broken/model.tar.gz"}
    sagemaker.create_model(ModelName=name, PrimaryContainer=broken, ExecutionRoleArn=role)
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant(name)])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    with pytest.raises(WaiterError):
        sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig=PATIENCE)
    told = sagemaker.describe_endpoint(EndpointName=name)
    assert told["EndpointStatus"] == "Failed"
    assert "model.tar.gz" in told["FailureReason"]
    sagemaker.delete_endpoint(EndpointName=name)


@pytest.mark.parametrize(
    ("call", "params", "sentence"),
    [
        ("describe_model", {"ModelName": "nobody"}, "Could not find model"),
        ("delete_model", {"ModelName": "nobody"}, "Could not find model"),
        (
            "describe_endpoint_config",
            {"EndpointConfigName": "nobody"},
            "Could not find endpoint configuration",
        ),
        ("delete_endpoint_config", {"EndpointConfigName": "nobody"}, "Could not find endpoint configuration"),
        ("describe_endpoint", {"EndpointName": "nobody"}, "Could not find endpoint"),
        ("delete_endpoint", {"EndpointName": "nobody"}, "Could not find endpoint"),
        (
            "create_endpoint",
            {"EndpointName": "e", "EndpointConfigName": "no"},
            "Could not find endpoint configuration",
        ),
    ],
)
def test_what_is_not_there_is_told_in_awss_words(
    sagemaker: Any, call: str, params: dict[str, str], sentence: str
) -> None:
    code, message = refusal(getattr(sagemaker, call), **params)
    assert code == "ValidationException"
    assert message.startswith(sentence + ' "arn:aws:sagemaker:us-east-1:123456789012:')


def test_what_exists_is_not_made_again(
    sagemaker: Any, model: str, container: dict[str, Any], role: str, unique: Unique
) -> None:
    code, message = refusal(sagemaker.create_model, ModelName=model, PrimaryContainer=container, ExecutionRoleArn=role)
    assert code == "ValidationException"
    assert message.startswith("Cannot create already existing model")


def test_an_endpoint_that_is_not_there_cannot_be_invoked(runtime: Any) -> None:
    code, message = refusal(runtime.invoke_endpoint, EndpointName="nobody", Body=b"")
    assert (code, message) == ("ValidationError", "Endpoint nobody of account 123456789012 not found.")


def test_models_are_listed_and_deleted(sagemaker: Any, container: dict[str, Any], role: str, unique: Unique) -> None:
    name = unique("short-lived")
    arn = sagemaker.create_model(
        ModelName=name, PrimaryContainer=container, ExecutionRoleArn=role, Tags=[{"Key": "k", "Value": "v"}]
    )["ModelArn"]
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "k", "Value": "v"}]
    assert [found["ModelArn"] for found in sagemaker.list_models(NameContains=name)["Models"]] == [arn]
    sagemaker.delete_model(ModelName=name)
    assert sagemaker.list_models(NameContains=name)["Models"] == []
