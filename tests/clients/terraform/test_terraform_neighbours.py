"""The neighbours through Terraform: networks, keys, queues, catalogs: applied, unchanged, updated, destroyed."""

import shutil
from pathlib import Path
from typing import Any

import boto3

CONFIGURATION = Path(__file__).with_name("neighbours")


def test_a_platform_around_sagemaker_is_applied_kept_updated_and_destroyed(terraform: Any) -> None:
    shutil.copytree(CONFIGURATION, terraform.folder, dirs_exist_ok=True)
    ec2 = boto3.client("ec2")
    before = vpcs(ec2)
    terraform.init()
    terraform.apply()
    (made,) = vpcs(ec2) - before
    assert terraform("output", "-raw", "vpc") == made
    assert terraform("output", "-raw", "default_vpc") in before

    terraform.apply("-var=note=second")
    parameter = boto3.client("ssm").get_parameter(Name="/housing/model")["Parameter"]
    assert (parameter["Value"], parameter["Version"]) == ("second", 2)
    assert vpcs(ec2) == before | {made}

    terraform.destroy("-var=note=second")
    assert vpcs(ec2) == before


def vpcs(ec2: Any) -> set[str]:
    """The ids of all that there are."""
    return {vpc["VpcId"] for vpc in ec2.describe_vpcs()["Vpcs"]}
