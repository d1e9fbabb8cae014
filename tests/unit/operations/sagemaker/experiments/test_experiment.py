import pytest

from sagewright.testing.asker import Asker, Refused


def test_an_experiment_is_found_in_any_case_and_shown_as_it_was_made(asker: Asker) -> None:
    arn = asker.call("CreateExperiment", ExperimentName="Taste")["ExperimentArn"]
    assert arn.endswith(":experiment/taste")
    found = asker.call("DescribeExperiment", ExperimentName="TASTE")
    assert (found["ExperimentName"], found["DisplayName"]) == ("Taste", "Taste")
    assert found["CreatedBy"]["IamIdentity"]["Arn"].endswith(":root")
    assert "Source" not in found


def test_a_second_one_of_the_name_already_exists(asker: Asker) -> None:
    asker.call("CreateExperiment", ExperimentName="taste")
    with pytest.raises(Refused, match="already exists") as caught:
        asker.call("CreateExperiment", ExperimentName="Taste")
    assert caught.value.code == "ValidationException"


def test_one_that_is_not_there(asker: Asker) -> None:
    with pytest.raises(Refused, match="does not exist") as caught:
        asker.call("DescribeExperiment", ExperimentName="none")
    assert caught.value.code == "ResourceNotFound"


def test_what_is_changed_is_seen(asker: Asker) -> None:
    asker.call("CreateExperiment", ExperimentName="taste", Description="first")
    asker.call("UpdateExperiment", ExperimentName="Taste", DisplayName="Flavour")
    found = asker.call("DescribeExperiment", ExperimentName="taste")
    assert (found["ExperimentName"], found["DisplayName"], found["Description"]) == ("taste", "Flavour", "first")
    assert "LastModifiedBy" in found


def test_it_goes_only_without_trials(asker: Asker, trials: tuple[str, str]) -> None:
    with pytest.raises(Refused, match="has trials"):
        asker.call("DeleteExperiment", ExperimentName="taste")
    for trial in trials:
        asker.call("DeleteTrial", TrialName=trial)
    assert asker.call("DeleteExperiment", ExperimentName="Taste")["ExperimentArn"].endswith("/taste")
    assert asker.call("ListExperiments")["ExperimentSummaries"] == []
