import pytest

from sagewright.testing.asker import Asker, Refused

ID = {"FeatureGroupName": "Houses", "FeatureName": "id"}


def parameter(key: str, value: str) -> dict[str, str]:
    return {"Key": key, "Value": value}


def test_a_feature_is_described_before_anything_is_said_about_it(asker: Asker, group: str) -> None:
    described = asker.call("DescribeFeatureMetadata", FeatureGroupName=group, FeatureName="time")
    assert (described["FeatureType"], described["FeatureGroupArn"]) == ("Fractional", group)
    assert not {"Description", "Parameters"} & set(described)


def test_parameters_are_added_replaced_and_removed(asker: Asker, group: str) -> None:
    asker.call("UpdateFeatureMetadata", **ID, ParameterAdditions=[parameter("a", "1"), parameter("b", "1")])
    asker.call(
        "UpdateFeatureMetadata",
        **ID,
        Description="which house",
        ParameterAdditions=[parameter("b", "2")],
        ParameterRemovals=["a"],
    )
    described = asker.call("DescribeFeatureMetadata", **ID)
    assert (described["Description"], described["Parameters"]) == ("which house", [parameter("b", "2")])
    asker.call("UpdateFeatureMetadata", **ID, ParameterRemovals=["b"])
    assert "Parameters" not in asker.call("DescribeFeatureMetadata", **ID)
    asker.call("UpdateFeatureMetadata", **ID, Description="said after the last parameter went")


def test_a_feature_has_25_parameters_at_most(asker: Asker, group: str) -> None:
    some = [parameter(str(number), "x") for number in range(20)]
    more = [parameter(f"more-{number}", "x") for number in range(6)]
    asker.call("UpdateFeatureMetadata", **ID, ParameterAdditions=some)
    with pytest.raises(Refused, match="would make 26"):
        asker.call("UpdateFeatureMetadata", **ID, ParameterAdditions=more)


@pytest.mark.parametrize("operation", ["DescribeFeatureMetadata", "UpdateFeatureMetadata"])
def test_features_and_groups_must_be_there(asker: Asker, group: str, operation: str) -> None:
    for names in (ID | {"FeatureName": "none"}, ID | {"FeatureGroupName": "none"}):
        with pytest.raises(Refused) as caught:
            asker.call(operation, **names)
        assert caught.value.code == "ResourceNotFound"
