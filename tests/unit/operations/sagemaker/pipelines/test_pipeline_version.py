from collections.abc import Callable

import pytest

from sagewright.testing.asker import Asker, Refused


@pytest.fixture
def arn(asker: Asker, pipeline: Callable[..., str], other: str) -> str:
    """A pipeline of two versions; the first is called `stable`."""
    arn = pipeline(PipelineVersionAliases=["stable"])
    asker.call(
        "UpdatePipeline", PipelineName="Houses", PipelineDefinition=other, PipelineVersionAliases=["next", "beta"]
    )
    return arn


def test_versions_are_listed_with_their_aliases_the_newest_first(asker: Asker, arn: str) -> None:
    found = asker.call("ListPipelineVersions", PipelineName=arn)["PipelineVersionSummaries"]
    shown = [(each["PipelineVersionId"], each["PipelineVersionAliases"]) for each in found]
    assert shown == [(2, ["next", "beta"]), (1, ["stable"])]
    oldest = asker.call("ListPipelineVersions", PipelineName="Houses", SortOrder="Ascending", MaxResults=1)
    assert [each["PipelineVersionId"] for each in oldest["PipelineVersionSummaries"]] == [1]
    assert "NextToken" in oldest


def test_a_version_is_found_by_its_alias(asker: Asker, arn: str, definition: str) -> None:
    found = asker.call("DescribePipeline", PipelineName="Houses", PipelineVersionAlias="stable")
    assert found["PipelineDefinition"] == definition
    for members in ({"PipelineVersionAlias": "none"}, {"PipelineVersionAlias": "stable", "PipelineVersionId": 1}):
        with pytest.raises(Refused, match=r"no version with the alias none|not both"):
            asker.call("DescribePipeline", PipelineName="Houses", **members)


def test_names_and_aliases_change(asker: Asker, arn: str) -> None:
    version = {"PipelineArn": arn, "PipelineVersionId": 2}
    change = {"Add": ["good"], "Remove": ["beta"]}
    answer = asker.call(
        "UpdatePipelineVersion", **version, PipelineVersionDisplayName="spring", PipelineVersionAliasOperations=change
    )
    assert answer == version
    found = asker.call("DescribePipeline", PipelineName="Houses")
    assert (found["PipelineVersionDisplayName"], found["PipelineVersionAliases"]) == ("spring", ["next", "good"])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"Add": ["stable"]}, "already exists: it names version 1"),
        ({"Remove": ["stable"]}, "has no alias stable"),
        ({"Add": ["a"], "Remove": ["a"]}, "at once"),
        ({"Add": ["7"]}, "digits only"),
        ({"Add": [f"a{number}" for number in range(9)]}, "may have 10 aliases"),
    ],
)
def test_aliases_that_cannot_be(asker: Asker, arn: str, change: dict[str, list[str]], sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        asker.call("UpdatePipelineVersion", PipelineArn=arn, PipelineVersionId=2, PipelineVersionAliasOperations=change)


def test_aliases_come_with_another_definition_only(asker: Asker, arn: str) -> None:
    with pytest.raises(Refused, match="another definition"):
        asker.call("UpdatePipeline", PipelineName="Houses", PipelineVersionAliases=["late"])
