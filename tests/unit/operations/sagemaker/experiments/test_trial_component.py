from typing import Any

import pytest

from sagewright.testing.asker import Asker, Refused


def names(answer: dict[str, list[dict[str, str]]]) -> list[str]:
    return [each["TrialComponentName"] for each in answer["TrialComponentSummaries"]]


def test_a_component_is_described_as_it_was_made_and_nothing_else(asker: Asker) -> None:
    members: dict[str, Any] = {
        "Status": {"PrimaryStatus": "InProgress"},
        "Parameters": {"rate": {"NumberValue": 0.5}, "kind": {"StringValue": "a"}},
        "InputArtifacts": {"data": {"Value": "s3://b/k", "MediaType": "text/csv"}},
    }
    arn = asker.call("CreateTrialComponent", TrialComponentName="lemon", **members)["TrialComponentArn"]
    found = asker.call("DescribeTrialComponent", TrialComponentName=arn)
    assert {member: found[member] for member in members} == members
    assert found["LineageGroupArn"].endswith(":lineage-group/sagemaker-default-lineage-group")
    assert found["OutputArtifacts"] == {}
    assert not {"Metrics", "Source", "EndTime"} & set(found)


def test_maps_are_laid_over_and_entries_removed(asker: Asker) -> None:
    parameters = {"a": {"NumberValue": 1}, "b": {"NumberValue": 2}}
    asker.call("CreateTrialComponent", TrialComponentName="lemon", Parameters=parameters)
    asker.call(
        "UpdateTrialComponent",
        TrialComponentName="lemon",
        Parameters={"b": {"NumberValue": 3}, "c": {"StringValue": "x"}},
        ParametersToRemove=["a", "never-there"],
        Status={"PrimaryStatus": "Completed"},
    )
    found = asker.call("DescribeTrialComponent", TrialComponentName="lemon")
    assert found["Parameters"] == {"b": {"NumberValue": 3}, "c": {"StringValue": "x"}}
    assert found["Status"] == {"PrimaryStatus": "Completed"}


def test_a_parameter_has_one_value(asker: Asker) -> None:
    for value in ({}, {"NumberValue": 1, "StringValue": "1"}):
        with pytest.raises(Refused, match="exactly one"):
            asker.call("CreateTrialComponent", TrialComponentName="lemon", Parameters={"a": value})


def test_updates_do_not_grow_a_component_beyond_its_limits(asker: Asker) -> None:
    many = {f"k{number}": {"NumberValue": number} for number in range(300)}
    asker.call("CreateTrialComponent", TrialComponentName="lemon", Parameters=many)
    with pytest.raises(Refused, match="may have 300 Parameters"):
        asker.call("UpdateTrialComponent", TrialComponentName="lemon", Parameters={"more": {"NumberValue": 1}})


def test_components_of_a_trial_and_of_an_experiment(asker: Asker, trials: tuple[str, str], component: str) -> None:
    asker.call("CreateTrialComponent", TrialComponentName="alone")
    asker.call("CreateTrialComponent", TrialComponentName="honey")
    for trial in trials:
        asker.call("AssociateTrialComponent", TrialComponentName="honey", TrialName=trial)
    by_name = {"SortBy": "Name", "SortOrder": "Ascending"}
    assert names(asker.call("ListTrialComponents", TrialName=trials[0], **by_name)) == ["honey", component]
    assert names(asker.call("ListTrialComponents", TrialName=trials[1])) == ["honey"]
    assert names(asker.call("ListTrialComponents", ExperimentName="TASTE", **by_name)) == ["honey", component]
    assert len(names(asker.call("ListTrialComponents"))) == 3
    assert names(asker.call("ListTrialComponents", SourceArn="arn:aws:sagemaker:us-east-1:123456789012:x/y")) == []
    with pytest.raises(Refused, match="at most one"):
        asker.call("ListTrialComponents", ExperimentName="taste", TrialName=trials[0])


def test_associating_twice_changes_nothing(asker: Asker, trials: tuple[str, str], component: str) -> None:
    answer = asker.call("AssociateTrialComponent", TrialComponentName=component, TrialName=trials[0])
    assert answer["TrialArn"].endswith("/sweet")
    assert names(asker.call("ListTrialComponents", TrialName=trials[0])) == [component]
    with pytest.raises(Refused, match="has no trial component"):
        asker.call("DisassociateTrialComponent", TrialComponentName=component, TrialName=trials[1])


def test_it_goes_with_its_associations_when_no_trial_has_it(
    asker: Asker, trials: tuple[str, str], component: str
) -> None:
    with pytest.raises(Refused, match="belongs to a trial"):
        asker.call("DeleteTrialComponent", TrialComponentName=component)
    source = {"SourceUri": "s3://b/k"}
    artifact = asker.call("CreateArtifact", Source=source, ArtifactType="DataSet")["ArtifactArn"]
    arn = asker.call("DescribeTrialComponent", TrialComponentName=component)["TrialComponentArn"]
    asker.call("AddAssociation", SourceArn=artifact, DestinationArn=arn)
    asker.call("DisassociateTrialComponent", TrialComponentName=component, TrialName=trials[0])
    asker.call("DeleteTrialComponent", TrialComponentName=component)
    assert asker.call("ListAssociations", SourceArn=artifact)["AssociationSummaries"] == []
