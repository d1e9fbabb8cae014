from collections.abc import Callable

import pytest

from sagewright.testing.asker import Asker, Refused

Make = Callable[..., str]


def test_a_pipeline_is_described_as_it_was_made(asker: Asker, pipeline: Make, definition: str) -> None:
    arn = pipeline(ParallelismConfiguration={"MaxParallelExecutionSteps": 2})
    assert arn.endswith(":pipeline/houses")
    found = asker.call("DescribePipeline", PipelineName="Houses")
    assert found["PipelineDefinition"] == definition
    assert (found["PipelineStatus"], found["ParallelismConfiguration"]["MaxParallelExecutionSteps"]) == ("Active", 2)
    assert not {"LastRunTime", "PipelineDescription", "PipelineVersionAliases"} & set(found)
    assert asker.call("DescribePipeline", PipelineName=arn) == found


def test_names_are_unique_but_a_request_may_be_repeated(asker: Asker, pipeline: Make) -> None:
    assert pipeline() == pipeline()
    with pytest.raises(Refused, match=r"Pipeline names must be unique within.*already exists") as caught:
        pipeline(number=1)
    assert caught.value.code == "ValidationException"


def test_another_definition_makes_a_version_and_nothing_else_does(
    asker: Asker, pipeline: Make, definition: str, other: str
) -> None:
    pipeline()
    same = {"PipelineName": "Houses", "PipelineDisplayName": "Prices", "PipelineDefinition": definition}
    assert asker.call("UpdatePipeline", **same)["PipelineVersionId"] == 1
    assert asker.call("UpdatePipeline", PipelineName="Houses", PipelineDefinition=other)["PipelineVersionId"] == 2
    found = asker.call("DescribePipeline", PipelineName="Houses")
    assert (found["PipelineDisplayName"], found["PipelineDefinition"]) == ("Prices", other)
    first = asker.call("DescribePipeline", PipelineName="Houses", PipelineVersionId=1)
    assert first["PipelineDefinition"] == definition
    with pytest.raises(Refused, match="no version 3") as caught:
        asker.call("DescribePipeline", PipelineName="Houses", PipelineVersionId=3)
    assert caught.value.code == "ResourceNotFound"


def test_the_definition_may_lie_in_a_bucket(asker: Asker, pipeline: Make, role: str, other: str) -> None:
    asker.ask("PUT", "/plans", service="s3")
    asker.ask("PUT", "/plans/p.json", service="s3", body=other.encode())
    location = {"Bucket": "plans", "ObjectKey": "p.json"}
    request = {"PipelineName": "far", "RoleArn": role, "ClientRequestToken": "0" * 32}
    asker.call("CreatePipeline", **request, PipelineDefinitionS3Location=location)
    assert asker.call("DescribePipeline", PipelineName="far")["PipelineDefinition"] == other
    for place in ({"ObjectKey": "none"}, {"Bucket": "no-bucket"}, {"VersionId": "none"}):
        with pytest.raises(Refused, match="Unable to read"):
            asker.call("UpdatePipeline", PipelineName="far", PipelineDefinitionS3Location={**location, **place})
    with pytest.raises(Refused, match="not both"):
        asker.call(
            "UpdatePipeline", PipelineName="far", PipelineDefinition=other, PipelineDefinitionS3Location=location
        )
    with pytest.raises(Refused, match="must be given"):
        asker.call("CreatePipeline", **{**request, "PipelineName": "none"})


def test_what_is_wrong_leaves_nothing_behind(asker: Asker, pipeline: Make) -> None:
    for members in ({"PipelineDefinition": "{"}, {"PipelineVersionAliases": ["12"]}):
        with pytest.raises(Refused, match=r"not valid JSON|digits only"):
            pipeline(**members)
    assert asker.call("ListPipelines")["PipelineSummaries"] == []


def test_pipelines_are_listed_by_prefix(asker: Asker, pipeline: Make) -> None:
    for name in ("Houses", "Hotels", "Cars"):
        pipeline(name)
    asked = {"PipelineNamePrefix": "Ho", "SortBy": "Name", "SortOrder": "Ascending"}
    found = asker.call("ListPipelines", **asked)["PipelineSummaries"]
    assert [each["PipelineName"] for each in found] == ["Hotels", "Houses"]
    assert asker.call("ListPipelines", ManagedBy="AWS")["PipelineSummaries"] == []


def test_it_goes_with_its_versions(asker: Asker, pipeline: Make, other: str) -> None:
    arn = pipeline()
    asker.call("UpdatePipeline", PipelineName="Houses", PipelineDefinition=other)
    assert asker.call("DeletePipeline", PipelineName="Houses", ClientRequestToken="5" * 32) == {"PipelineArn": arn}
    with pytest.raises(Refused, match="does not exist") as caught:
        asker.call("DescribePipeline", PipelineName="Houses")
    assert caught.value.code == "ResourceNotFound"
    pipeline()
    assert len(asker.call("ListPipelineVersions", PipelineName="Houses")["PipelineVersionSummaries"]) == 1
