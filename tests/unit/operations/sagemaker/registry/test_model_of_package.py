from typing import Any

import pytest

from sagewright.operations.sagemaker.inference import model
from sagewright.resources.record import Key
from sagewright.testing.asker import Asker, Refused


@pytest.fixture
def package(asker: Asker) -> str:
    """An approved version of two specifications."""
    asker.call("CreateModelPackageGroup", ModelPackageGroupName="houses")
    return str(
        asker.call(
            "CreateModelPackage",
            ModelPackageGroupName="houses",
            ModelApprovalStatus="Approved",
            InferenceSpecification={"Containers": [{"Image": "i:1", "Environment": {"a": "1", "b": "2"}}]},
            AdditionalInferenceSpecifications=[{"Name": "two", "Containers": [{"Image": "i:2"}, {"Image": "i:3"}]}],
        )["ModelPackageArn"]
    )


def served(asker: Asker, role: str, **container: Any) -> list[dict[str, Any]]:
    """The containers that an endpoint would serve."""
    asker.call("CreateModel", ModelName="m", ExecutionRoleArn=role, PrimaryContainer=container)
    assert asker.call("DescribeModel", ModelName="m")["PrimaryContainer"] == container
    store = asker.server.app.services.store
    record = store.get(Key("123456789012", "us-east-1", "model", "", "m"))
    assert record is not None
    return list(model.served(record)["Containers"])


def test_a_model_has_its_packages_containers(asker: Asker, role: str, package: str) -> None:
    found = served(asker, role, ModelPackageName=package, Environment={"b": "3"})
    assert found == [{"Image": "i:1", "Environment": {"a": "1", "b": "3"}}]


def test_a_specification_may_be_named(asker: Asker, role: str, package: str) -> None:
    found = served(asker, role, ModelPackageName=package, InferenceSpecificationName="two")
    assert [each["Image"] for each in found] == ["i:2", "i:3"]


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        ({"InferenceSpecificationName": "three"}, "no inference specification three"),
        ({"Image": "i:1"}, "either an Image"),
        ({"ModelPackageName": "none"}, "does not exist"),
    ],
)
def test_packages_that_do_not_do(asker: Asker, role: str, package: str, members: dict[str, str], sentence: str) -> None:
    container = {"ModelPackageName": package, **members}
    with pytest.raises(Refused, match=sentence):
        asker.call("CreateModel", ModelName="m", ExecutionRoleArn=role, PrimaryContainer=container)


def test_a_version_must_be_approved(asker: Asker, role: str, package: str) -> None:
    asker.call("UpdateModelPackage", ModelPackageArn=package, ModelApprovalStatus="Rejected")
    with pytest.raises(Refused, match="not approved"):
        asker.call("CreateModel", ModelName="m", ExecutionRoleArn=role, PrimaryContainer={"ModelPackageName": package})
