from typing import Any

import pytest

from sagewright.testing.asker import Asker, Refused

SPECIFICATION: dict[str, Any] = {
    "Containers": [{"Image": "house:1", "ModelDataUrl": "s3://b/model.tar.gz"}],
    "SupportedContentTypes": ["text/csv"],
    "SupportedResponseMIMETypes": ["text/csv"],
    "SupportedTransformInstanceTypes": ["ml.m5.large"],
    "SupportedRealtimeInferenceInstanceTypes": ["ml.m5.large"],
}


@pytest.fixture
def group(asker: Asker) -> str:
    asker.call("CreateModelPackageGroup", ModelPackageGroupName="Houses")
    return "Houses"


def made(asker: Asker, **members: Any) -> str:
    answer = asker.call("CreateModelPackage", **{"InferenceSpecification": SPECIFICATION, **members})
    return str(answer["ModelPackageArn"])


def test_versions_are_counted_and_never_used_again(asker: Asker, group: str) -> None:
    first, second = (made(asker, ModelPackageGroupName=group) for _ in range(2))
    assert [first[-9:], second[-9:]] == ["/houses/1", "/houses/2"]
    asker.call("DeleteModelPackage", ModelPackageName=second)
    third = made(asker, ModelPackageGroupName=group)
    found = asker.call("DescribeModelPackage", ModelPackageName=third)
    assert (found["ModelPackageVersion"], found["ModelPackageGroupName"]) == (3, "Houses")
    assert "ModelPackageName" not in found
    assert asker.call("DescribeModelPackage", ModelPackageName="Houses/3") == found


def test_a_version_is_complete_and_waits_for_approval(asker: Asker, group: str) -> None:
    arn = made(asker, ModelPackageGroupName=group)
    found = asker.call("DescribeModelPackage", ModelPackageName=arn)
    assert found["ModelPackageStatus"] == "Completed"
    assert found["ModelApprovalStatus"] == "PendingManualApproval"
    assert found["ModelPackageStatusDetails"] == {"ValidationStatuses": []}
    assert found["InferenceSpecification"] == SPECIFICATION
    assert not {"ModelMetrics", "ValidationSpecification", "CertifyForMarketplace"} & set(found)


def test_a_repeated_request_makes_one_version(asker: Asker, group: str) -> None:
    request = {"ModelPackageGroupName": group, "ClientToken": "once"}
    assert made(asker, **request) == made(asker, **request)


def test_a_package_with_a_name_of_its_own(asker: Asker) -> None:
    arn = made(asker, ModelPackageName="single", Tags=[{"Key": "a", "Value": "b"}], ClientToken="first")
    found = asker.call("DescribeModelPackage", ModelPackageName="single")
    assert (found["ModelPackageName"], found["ModelPackageArn"]) == ("single", arn)
    assert "ModelApprovalStatus" not in found
    with pytest.raises(Refused, match="ModelPackage single already exists"):
        made(asker, ModelPackageName="single", ClientToken="second")
    with pytest.raises(Refused, match="applies to versions"):
        asker.call("UpdateModelPackage", ModelPackageArn=arn, ModelApprovalStatus="Approved")


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        ({}, "Exactly one"),
        ({"ModelPackageName": "a", "ModelPackageGroupName": "Houses"}, "Exactly one"),
        ({"ModelPackageGroupName": "none"}, "does not exist"),
        ({"ModelPackageGroupName": "Houses", "Tags": [{"Key": "a", "Value": "b"}]}, "group's tags"),
        ({"ModelPackageGroupName": "Houses", "CertifyForMarketplace": True}, "no marketplace"),
        ({"ModelPackageName": "a", "ModelApprovalStatus": "Approved"}, "applies to versions"),
        ({"ModelPackageName": "a", "InferenceSpecification": {"Containers": [{"Image": "i"}]}}, "is required"),
        ({"ModelPackageGroupName": "Houses", "InferenceSpecification": {"Containers": [{}]}}, "needs an Image"),
        ({"ModelPackageGroupName": "Houses", "ModelCard": {"ModelCardContent": "{"}}, "not valid JSON"),
        (
            {
                "ModelPackageGroupName": "Houses",
                "AdditionalInferenceSpecifications": [{"Name": "a", "Containers": [{"Image": "i"}]}] * 2,
            },
            "must differ",
        ),
    ],
)
def test_what_does_not_fit_together(asker: Asker, group: str, members: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        made(asker, **members)
    assert asker.call("ListModelPackages", ModelPackageType="Both")["ModelPackageSummaryList"] == []


def test_something_must_be_said_of_a_model(asker: Asker, group: str) -> None:
    with pytest.raises(Refused, match="is required"):
        asker.call("CreateModelPackage", ModelPackageGroupName=group)
    asker.call("CreateModelPackage", ModelPackageGroupName=group, ModelPackageRegistrationType="Logged")


def test_lists_by_type_group_and_approval(asker: Asker, group: str) -> None:
    made(asker, ModelPackageName="single")
    made(asker, ModelPackageGroupName=group)
    made(asker, ModelPackageGroupName=group, ModelApprovalStatus="Approved")
    cases: tuple[tuple[dict[str, str], int], ...] = (
        ({}, 1),
        ({"ModelPackageType": "Versioned"}, 2),
        ({"ModelPackageType": "Both"}, 3),
        ({"ModelPackageGroupName": group}, 2),
        ({"ModelPackageGroupName": group, "ModelApprovalStatus": "Approved"}, 1),
        ({"ModelPackageType": "Both", "NameContains": "single"}, 1),
    )
    for filters, number in cases:
        found = asker.call("ListModelPackages", **filters)["ModelPackageSummaryList"]
        assert len(found) == number, filters
    with pytest.raises(Refused, match="does not exist"):
        asker.call("ListModelPackages", ModelPackageGroupName="none")


def test_approval_and_metadata_change(asker: Asker, group: str) -> None:
    arn = made(asker, ModelPackageGroupName=group, CustomerMetadataProperties={"a": "1", "b": "2"})
    asker.call(
        "UpdateModelPackage",
        ModelPackageArn=arn,
        ModelApprovalStatus="Approved",
        ApprovalDescription="good",
        CustomerMetadataProperties={"b": "3"},
        CustomerMetadataPropertiesToRemove=["a"],
        AdditionalInferenceSpecificationsToAdd=[{"Name": "small", "Containers": [{"Image": "i"}]}],
    )
    found = asker.call("DescribeModelPackage", ModelPackageName=arn)
    assert (found["ModelApprovalStatus"], found["ApprovalDescription"]) == ("Approved", "good")
    assert found["CustomerMetadataProperties"] == {"b": "3"}
    assert [each["Name"] for each in found["AdditionalInferenceSpecifications"]] == ["small"]
    more = [{"Name": "small", "Containers": [{"Image": "j"}]}]
    with pytest.raises(Refused, match="must differ"):
        asker.call("UpdateModelPackage", ModelPackageArn=arn, AdditionalInferenceSpecificationsToAdd=more)
    approved = asker.call("ListModelPackages", ModelPackageGroupName=group, ModelApprovalStatus="Approved")
    assert [each["ModelPackageArn"] for each in approved["ModelPackageSummaryList"]] == [arn]


def test_a_card_within_is_shown_without_its_content_when_that_is_asked(asker: Asker, group: str) -> None:
    card = {"ModelCardContent": '{"a": 1}', "ModelCardStatus": "Draft"}
    arn = made(asker, ModelPackageGroupName=group, ModelCard=card)
    assert asker.call("DescribeModelPackage", ModelPackageName=arn)["ModelCard"] == card
    found = asker.call("DescribeModelPackage", ModelPackageName=arn, IncludedData="MetadataOnly")
    assert found["ModelCard"] == {"ModelCardStatus": "Draft"}


def test_several_at_once(asker: Asker, group: str) -> None:
    arn = made(asker, ModelPackageGroupName=group)
    single = made(asker, ModelPackageName="single")
    none = arn[:-1] + "7"
    answer = asker.call("BatchDescribeModelPackage", ModelPackageArnList=[arn, single, none])
    assert answer["ModelPackageSummaries"][arn]["ModelPackageStatus"] == "Completed"
    assert set(answer["BatchDescribeModelPackageErrorMap"]) == {single, none}


def test_a_package_of_an_algorithm_has_the_algorithms_containers(asker: Asker, group: str) -> None:
    training = {
        "TrainingImage": "house:1",
        "SupportedTrainingInstanceTypes": ["ml.m5.large"],
        "TrainingChannels": [{"Name": "train", "SupportedContentTypes": ["text/csv"], "SupportedInputModes": ["File"]}],
    }
    specification = {**SPECIFICATION, "Containers": [{"Image": "house:1"}]}
    asker.call(
        "CreateAlgorithm", AlgorithmName="tree", TrainingSpecification=training, InferenceSpecification=specification
    )
    source = {"SourceAlgorithms": [{"AlgorithmName": "tree", "ModelDataUrl": "s3://b/model.tar.gz"}]}
    arn = asker.call("CreateModelPackage", ModelPackageGroupName=group, SourceAlgorithmSpecification=source)
    found = asker.call("DescribeModelPackage", ModelPackageName=arn["ModelPackageArn"])
    assert found["InferenceSpecification"] == SPECIFICATION
    source["SourceAlgorithms"][0]["AlgorithmName"] = "none"
    with pytest.raises(Refused, match="none"):
        asker.call("CreateModelPackage", ModelPackageGroupName=group, SourceAlgorithmSpecification=source)
