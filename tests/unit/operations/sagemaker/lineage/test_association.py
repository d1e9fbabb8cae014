import pytest

from sagewright.testing.asker import Asker, Refused


def test_what_it_joins_is_named_and_typed(asker: Asker, chain: dict[str, str]) -> None:
    (found,) = asker.call("ListAssociations", SourceArn=chain["clean"])["AssociationSummaries"]
    found.pop("CreationTime")
    assert found.pop("CreatedBy")["IamIdentity"]["Arn"].endswith(":root")
    assert found == {
        "SourceArn": chain["clean"],
        "DestinationArn": chain["train"],
        "SourceType": "DataSet",
        "DestinationType": "Training",
        "AssociationType": "ContributedTo",
        "SourceName": "clean",
        "DestinationName": "train",
    }


@pytest.mark.parametrize(
    ("filters", "number"),
    [
        ({}, 4),
        ({"AssociationType": "DerivedFrom"}, 2),
        ({"SourceType": "DataSet"}, 3),
        ({"DestinationType": "DataSet", "AssociationType": "DerivedFrom"}, 2),
        ({"DestinationType": "Model"}, 1),
        ({"CreatedAfter": 4e9}, 0),
        ({"CreatedBefore": 4e9, "CreatedAfter": 0}, 4),
    ],
)
def test_filters(asker: Asker, chain: dict[str, str], filters: dict[str, object], number: int) -> None:
    assert len(asker.call("ListAssociations", **filters)["AssociationSummaries"]) == number


@pytest.mark.parametrize("order", ["SourceArn", "DestinationArn", "SourceType", "DestinationType", "CreationTime"])
def test_orders_in_pages(asker: Asker, chain: dict[str, str], order: str) -> None:
    asked = {"SortBy": order, "SortOrder": "Ascending", "MaxResults": 3}
    first = asker.call("ListAssociations", **asked)
    second = asker.call("ListAssociations", **asked, NextToken=first["NextToken"])
    values = [each[order] for each in first["AssociationSummaries"] + second["AssociationSummaries"]]
    assert len(values) == 4
    assert values == sorted(values)


def test_adding_it_again_changes_nothing_but_another_type_is_refused(asker: Asker, chain: dict[str, str]) -> None:
    ends = {"SourceArn": chain["raw"], "DestinationArn": chain["clean"]}
    assert asker.call("AddAssociation", **ends, AssociationType="DerivedFrom") == ends
    with pytest.raises(Refused, match="of another type"):
        asker.call("AddAssociation", **ends, AssociationType="Produced")
    assert asker.call("DeleteAssociation", **ends) == ends
    with pytest.raises(Refused, match="no association") as caught:
        asker.call("DeleteAssociation", **ends)
    assert caught.value.code == "ResourceNotFound"


def test_both_ends_must_be_there(asker: Asker, chain: dict[str, str]) -> None:
    nowhere = chain["raw"][:-4] + "none"
    for ends in ((chain["raw"], nowhere), (nowhere, chain["raw"])):
        with pytest.raises(Refused, match="does not exist"):
            asker.call("AddAssociation", SourceArn=ends[0], DestinationArn=ends[1])
