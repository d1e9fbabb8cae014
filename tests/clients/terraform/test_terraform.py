"""The example's endpoint, and objects, through Terraform: applied, unchanged, updated in place, destroyed."""

import json
import shutil
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

ROOT = Path(__file__).parents[3]


def test_the_example_is_applied_kept_updated_and_destroyed(
    terraform: Any, container: dict[str, Any], rows: list[list[float]]
) -> None:
    shutil.copy(ROOT / "examples/housing/terraform/main.tf", terraform.folder)
    source = container["Environment"]["SAGEMAKER_SUBMIT_DIRECTORY"]
    options = [f"-var=model_data_url={container['ModelDataUrl']}", f"-var=source_url={source}"]
    terraform.init()
    terraform.apply(*options)
    assert price_of(rows) > 5

    more = [*options, "-var=instance_count=2"]
    assert planned(terraform, *more) == {"endpoint": ["update"], "endpoint_configuration": ["create", "delete"]}
    terraform.apply(*more)
    (variant,) = boto3.client("sagemaker").describe_endpoint(EndpointName="housing")["ProductionVariants"]
    assert variant["CurrentInstanceCount"] == 2
    assert price_of(rows) > 5

    terraform.destroy(*more)
    deleted = boto3.client("sagemaker").get_waiter("endpoint_deleted")  # "Deleting" is gone enough for Terraform
    deleted.wait(EndpointName="housing", WaiterConfig={"Delay": 1, "MaxAttempts": 300})


def planned(terraform: Any, *options: str) -> dict[str, list[str]]:
    """What a plan would change, and how."""
    terraform("plan", "-out=plan", *options)
    changes = json.loads(terraform("show", "-json", "plan"))["resource_changes"]
    actions = {change["type"].removeprefix("aws_sagemaker_"): change["change"]["actions"] for change in changes}
    return {noun: action for noun, action in actions.items() if action != ["no-op"]}


def price_of(rows: list[list[float]]) -> float:
    """What the endpoint says the first house is worth."""
    answer = boto3.client("sagemaker-runtime").invoke_endpoint(
        EndpointName="housing", ContentType="application/json", Body=json.dumps(rows)
    )
    return float(json.loads(answer["Body"].read())[0])


OBJECTS = """
resource "aws_s3_bucket" "data" {
  bucket        = "terraform-data"
  force_destroy = true
}

resource "aws_s3_object" "row" {
  bucket  = aws_s3_bucket.data.id
  key     = "dir/row.csv"
  content = var.row
}

variable "row" { default = "1,2,3" }
"""


def test_a_bucket_and_an_object(terraform: Any) -> None:
    s3 = boto3.client("s3")
    (terraform.folder / "main.tf").write_text(OBJECTS)
    terraform.init()
    terraform.apply()
    terraform.apply("-var=row=4,5,6")
    assert s3.get_object(Bucket="terraform-data", Key="dir/row.csv")["Body"].read() == b"4,5,6"
    terraform.destroy()
    with pytest.raises(ClientError, match="Not Found"):
        s3.head_bucket(Bucket="terraform-data")
