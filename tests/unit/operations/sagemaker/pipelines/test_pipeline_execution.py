from collections.abc import Callable
from typing import Any

import pytest

from sagewright.testing.asker import Asker, Refused

ROUNDS = [{"Name": "Rounds", "Value": "3"}]


def start(asker: Asker, number: int = 0, **members: Any) -> str:
    request = {"PipelineName": "Houses", "PipelineParameters": ROUNDS, **members}
    answer = asker.call("StartPipelineExecution", ClientRequestToken=f"{number:032d}", **request)
    return str(answer["PipelineExecutionArn"])


def test_executions_are_refused(asker: Asker, pipeline: Callable[..., str]) -> None:
    pipeline()
    with pytest.raises(Refused, match="does not run pipelines") as caught:
        start(asker)
    assert 400 <= caught.value.status < 500
    assert asker.call("ListPipelineExecutions", PipelineName="Houses")["PipelineExecutionSummaries"] == []


@pytest.fixture
def execution(asker: Asker, pipeline: Callable[..., str], everything_built: None) -> str:
    pipeline(PipelineVersionAliases=["stable"])
    return start(asker)


def test_the_record_of_an_execution(asker: Asker, execution: str) -> None:
    found = asker.call("DescribePipelineExecution", PipelineExecutionArn=execution)
    assert (found["PipelineExecutionStatus"], found["PipelineVersionId"]) == ("Executing", 1)
    assert found["PipelineVersionAliases"] == ["stable"]
    assert found["PipelineExecutionDisplayName"].startswith("execution-")
    assert "FailureReason" not in found
    named = asker.call("ListPipelineParametersForExecution", PipelineExecutionArn=execution)["PipelineParameters"]
    assert named == [*ROUNDS, {"Name": "Rate", "Value": "0.5"}]
    whole = asker.call("DescribePipelineDefinitionForExecution", PipelineExecutionArn=execution)
    assert '"Rounds"' in whole["PipelineDefinition"]
    assert asker.call("ListPipelineExecutionSteps", PipelineExecutionArn=execution)["PipelineExecutionSteps"] == []
    assert "LastRunTime" in asker.call("DescribePipeline", PipelineName="Houses")


def test_a_repeated_request_starts_one(asker: Asker, execution: str) -> None:
    assert start(asker) == execution
    assert start(asker, 1) != execution


def test_executions_are_listed_by_alias_and_in_both_orders(asker: Asker, execution: str) -> None:
    start(asker, 1)
    for order in ("CreationTime", "PipelineExecutionArn"):
        asked = {"PipelineName": "Houses", "PipelineVersionAlias": "stable", "SortBy": order}
        found = asker.call("ListPipelineExecutions", **asked)["PipelineExecutionSummaries"]
        assert len(found) == 2
    assert {"StartTime", "PipelineExecutionStatus"} < set(found[0])


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        ({"PipelineParameters": []}, "Rounds has no default"),
        ({"PipelineName": "none"}, "does not exist"),
        ({"PipelineVersionId": 9}, "no version 9"),
        ({"RoleArn": "arn:aws:iam::123456789012:role/service-role/SagewrightExecutionRole"}, "its own role"),
        ({"SelectiveExecutionConfig": {"SelectedSteps": [{"StepName": "None"}]}}, "no step None"),
    ],
)
def test_what_cannot_be_started(asker: Asker, execution: str, members: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        start(asker, 2, **members)


def test_stopped_changed_and_tried_again(asker: Asker, execution: str) -> None:
    named = {"PipelineExecutionArn": execution}
    with pytest.raises(Refused, match="running executions") as caught:
        asker.call("DeletePipeline", PipelineName="Houses", ClientRequestToken="3" * 32)
    assert caught.value.code == "ConflictException"
    assert asker.call("StopPipelineExecution", **named, ClientRequestToken="4" * 32) == named
    asker.call("UpdatePipelineExecution", **named, PipelineExecutionDescription="enough")
    found = asker.call("DescribePipelineExecution", **named)
    assert (found["PipelineExecutionStatus"], found["PipelineExecutionDescription"]) == ("Stopped", "enough")
    with pytest.raises(Refused, match="is over"):
        asker.call("StopPipelineExecution", **named, ClientRequestToken="4" * 32)
    asker.call("RetryPipelineExecution", **named, ClientRequestToken="5" * 32)
    with pytest.raises(Refused, match="cannot be tried again"):
        asker.call("RetryPipelineExecution", **named, ClientRequestToken="5" * 32)
    asker.call("StopPipelineExecution", **named, ClientRequestToken="6" * 32)
    asker.call("DeletePipeline", PipelineName="Houses", ClientRequestToken="3" * 32)
    with pytest.raises(Refused, match="does not exist"):
        asker.call("DescribePipelineExecution", **named)


def test_an_execution_is_tagged_by_its_arn(asker: Asker, execution: str) -> None:
    asker.call("AddTags", ResourceArn=execution, Tags=[{"Key": "a", "Value": "b"}])
    assert asker.call("ListTags", ResourceArn=execution)["Tags"] == [{"Key": "a", "Value": "b"}]


def test_nobody_waits_for_a_callback(asker: Asker) -> None:
    for end in ("Success", "Failure"):
        with pytest.raises(Refused, match="No callback step waits") as caught:
            asker.call(f"SendPipelineExecutionStep{end}", CallbackToken="a" * 10)
        assert caught.value.code == "ResourceNotFound"
    with pytest.raises(Refused, match="is required"):
        asker.call("ListPipelineExecutionSteps")
