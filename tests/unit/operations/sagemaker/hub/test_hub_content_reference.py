from typing import Any

import pytest

from sagewright.testing.asker import Asker, Refused

PUBLIC = "arn:aws:sagemaker:us-east-1:aws:hub-content/SageMakerPublicHub/Model/some-model"
NAMED = {"HubName": "Models", "HubContentType": "ModelReference", "HubContentName": "some-model"}


def create(asker: Asker) -> dict[str, Any]:
    return asker.call(
        "CreateHubContentReference", HubName="Models", SageMakerPublicHubContentArn=PUBLIC, MinVersion="1.0.0"
    )


def test_the_public_hub_is_not_here(asker: Asker, hub: str) -> None:
    with pytest.raises(Refused, match="public hub"):
        create(asker)


@pytest.mark.usefixtures("everything_built")
def test_a_reference_is_made_moved_and_deleted(asker: Asker, hub: str) -> None:
    made = create(asker)
    assert made["HubContentArn"].endswith(":hub-content/models/modelreference/some-model/1.0.0")
    with pytest.raises(Refused, match="already exists"):
        create(asker)
    asker.call("UpdateHubContentReference", **NAMED, MinVersion="2.0.0")
    described = asker.call("DescribeHubContent", **NAMED)
    assert (described["SageMakerPublicHubContentArn"], described["ReferenceMinVersion"]) == (PUBLIC, "2.0.0")
    asker.call("DeleteHubContentReference", **NAMED)
    with pytest.raises(Refused, match="does not exist"):
        asker.call("DeleteHubContentReference", **NAMED)


@pytest.mark.parametrize("operation", ["DeleteHubContentReference", "UpdateHubContentReference"])
def test_other_contents_are_left_alone(asker: Asker, hub: str, operation: str) -> None:
    with pytest.raises(Refused, match="must be ModelReference"):
        asker.call(operation, **(NAMED | {"HubContentType": "Model"}))
