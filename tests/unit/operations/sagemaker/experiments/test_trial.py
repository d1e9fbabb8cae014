import pytest

from sagewright.testing.asker import Asker, Refused


def names(answer: dict[str, list[dict[str, str]]]) -> list[str]:
    return [each["TrialName"] for each in answer["TrialSummaries"]]


def test_a_trial_needs_its_experiment(asker: Asker) -> None:
    with pytest.raises(Refused, match=r"Experiment \[none\] does not exist"):
        asker.call("CreateTrial", TrialName="sweet", ExperimentName="none")
    with pytest.raises(Refused, match="does not exist"):
        asker.call("ListTrials", ExperimentName="none")


def test_a_trial_names_its_experiment_as_that_is_spelled(asker: Asker, trials: tuple[str, str]) -> None:
    assert asker.call("DescribeTrial", TrialName=trials[0])["ExperimentName"] == "Taste"


def test_trials_of_an_experiment(asker: Asker, trials: tuple[str, str]) -> None:
    asker.call("CreateExperiment", ExperimentName="other")
    asker.call("CreateTrial", TrialName="salt", ExperimentName="other")
    found = asker.call("ListTrials", ExperimentName="TASTE", SortBy="Name", SortOrder="Ascending")
    assert names(found) == ["sour", "sweet"]


def test_trials_of_a_component_in_pages(asker: Asker, trials: tuple[str, str], component: str) -> None:
    asker.call("AssociateTrialComponent", TrialComponentName=component, TrialName=trials[1])
    asked = {"TrialComponentName": component, "SortBy": "Name", "SortOrder": "Ascending", "MaxResults": 1}
    first = asker.call("ListTrials", **asked)
    second = asker.call("ListTrials", **asked, NextToken=first["NextToken"])
    assert names(first) + names(second) == ["sour", "sweet"]
    assert "NextToken" not in second
    assert names(asker.call("ListTrials", TrialComponentName="none")) == []


def test_a_token_of_another_order_is_refused(asker: Asker, trials: tuple[str, str], component: str) -> None:
    asker.call("AssociateTrialComponent", TrialComponentName=component, TrialName=trials[1])
    asked = {"TrialComponentName": component, "MaxResults": 1}
    token = asker.call("ListTrials", **asked)["NextToken"]
    for wrong in (token[:-4], "bm8="):
        with pytest.raises(Refused, match="NextToken"):
            asker.call("ListTrials", **asked, NextToken=wrong)
    with pytest.raises(Refused, match="NextToken"):
        asker.call("ListTrials", **asked, NextToken=token, SortBy="Name")


def test_it_goes_only_without_components(asker: Asker, trials: tuple[str, str], component: str) -> None:
    with pytest.raises(Refused, match="has trial components"):
        asker.call("DeleteTrial", TrialName=trials[0])
    asker.call("DisassociateTrialComponent", TrialComponentName=component, TrialName=trials[0])
    asker.call("DeleteTrial", TrialName=trials[0])
    with pytest.raises(Refused, match="does not exist"):
        asker.call("DescribeTrial", TrialName=trials[0])
