import json
from typing import Any

import pytest
from botocore.model import StringShape

from sagewright.operations.sagemaker.search import related
from sagewright.testing.asker import Asker, Refused
from sagewright.wire import model


def found(asker: Asker, resource: str, *filters: tuple[str, str], **members: Any) -> list[dict[str, Any]]:
    """The results, without the name of their kind."""
    expression = {"Filters": [{"Name": name, "Value": value} for name, value in filters]}
    asked = {**({"SearchExpression": expression} if filters else {}), **members}
    results = asker.call("Search", Resource=resource, **asked)["Results"]
    return [next(iter(result.values())) for result in results]


@pytest.fixture
def runs(asker: Asker) -> None:
    """Three components in the trial of an experiment, and one in none."""
    asker.call("CreateExperiment", ExperimentName="Taste", Tags=[{"Key": "team", "Value": "blue"}])
    asker.call("CreateTrial", TrialName="sweet", ExperimentName="Taste")
    for number in range(4):
        asker.call(
            "CreateTrialComponent",
            TrialComponentName=f"run-{number}",
            Parameters={"rate": {"NumberValue": 10 - number}},
            Tags=[{"Key": "even", "Value": str(number % 2 == 0)}],
        )
        if number:
            asker.call("AssociateTrialComponent", TrialComponentName=f"run-{number}", TrialName="sweet")


def test_a_component_is_found_by_its_parents(asker: Asker, runs: None) -> None:
    by_trial = found(asker, "ExperimentTrialComponent", ("Parents.TrialName", "sweet"))
    assert {each["TrialComponentName"] for each in by_trial} == {"run-1", "run-2", "run-3"}
    assert by_trial[0]["Parents"] == [{"TrialName": "sweet", "ExperimentName": "Taste"}]
    assert len(found(asker, "ExperimentTrialComponent", ("Parents.ExperimentName", "Taste"))) == 3
    both = (("Parents.TrialName", "sweet"), ("TrialComponentName", "run-2"))
    assert [each["TrialComponentName"] for each in found(asker, "ExperimentTrialComponent", *both)] == ["run-2"]
    assert found(asker, "ExperimentTrialComponent", ("Parents.TrialName", "sour")) == []


def test_a_component_is_found_by_its_name_with_its_tags(asker: Asker, runs: None) -> None:
    (only,) = found(asker, "ExperimentTrialComponent", ("TrialComponentName", "run-0"))
    assert only["Tags"] == [{"Key": "even", "Value": "True"}]
    assert "Parents" not in only


def test_parents_of_many_are_read_at_once(asker: Asker, runs: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(related, "AT_ONCE", 2)
    in_some = {"Filters": [{"Name": "Parents.TrialName", "Operator": "Exists"}]}
    answer = asker.call("Search", Resource="ExperimentTrialComponent", SearchExpression=in_some)
    results = [each["TrialComponent"] for each in answer["Results"]]
    assert {each["TrialComponentName"] for each in results} == {"run-1", "run-2", "run-3"}
    assert all(each["Parents"] == [{"TrialName": "sweet", "ExperimentName": "Taste"}] for each in results)


def test_arns_are_found_in_any_case_and_among_several(asker: Asker, runs: None) -> None:
    arn = "arn:aws:sagemaker:us-east-1:123456789012:experiment-trial-component/run-"
    several = f"{arn}1,{arn.replace('trial', 'TRIAL')}3"
    both = found(asker, "ExperimentTrialComponent", ("TrialComponentArn", several))
    assert {each["TrialComponentName"] for each in both} == {"run-1", "run-3"}


def test_members_may_be_written_in_any_case(asker: Asker, runs: None) -> None:
    names = found(asker, "ExperimentTrialComponent", ("parents.trialname", "sweet"), SortBy="parameters.rate")
    assert [each["TrialComponentName"] for each in names] == ["run-1", "run-2", "run-3"]
    assert found(asker, "ExperimentTrialComponent", ("Parameters.RATE", "9")) == []


def test_results_are_sorted_by_any_property_and_come_in_pages(asker: Asker, runs: None) -> None:
    asked = {"Resource": "ExperimentTrialComponent", "SortBy": "Parameters.rate", "SortOrder": "Ascending"}
    first = asker.call("Search", **asked, MaxResults=3)
    second = asker.call("Search", **asked, MaxResults=3, NextToken=first["NextToken"])
    names = [each["TrialComponent"]["TrialComponentName"] for each in first["Results"] + second["Results"]]
    assert names == ["run-3", "run-2", "run-1", "run-0"]
    assert "NextToken" not in second
    assert first["TotalHits"] == second["TotalHits"] == {"Value": 4, "Relation": "EqualTo"}
    with pytest.raises(Refused, match="NextToken"):
        asker.call("Search", **asked, NextToken="bm8=")


def test_a_trial_has_its_components(asker: Asker, runs: None) -> None:
    (trial,) = found(asker, "ExperimentTrial", ("ExperimentName", "Taste"))
    assert {each["TrialComponentName"] for each in trial["TrialComponentSummaries"]} == {"run-1", "run-2", "run-3"}


def test_tags_and_visibility(asker: Asker, runs: None) -> None:
    assert len(found(asker, "Experiment", ("Tags.team", "blue"))) == 1
    assert len(found(asker, "Experiment", ("Tags.team", "red"))) == 0
    for value, number in (("True", 2), ("False", 2)):
        conditions = [{"Key": "Tags.even", "Value": value}]
        assert len(found(asker, "ExperimentTrialComponent", VisibilityConditions=conditions)) == number
    assert len(found(asker, "ExperimentTrialComponent", VisibilityConditions=[{"Key": "Tags.x", "Value": "y"}])) == 4


def test_other_accounts_show_nothing(asker: Asker, runs: None) -> None:
    assert found(asker, "Experiment", CrossAccountFilterOption="CrossAccount") == []
    assert len(found(asker, "Experiment", CrossAccountFilterOption="SameAccount")) == 1


def test_a_component_is_found_by_its_metrics(asker: Asker, runs: None) -> None:
    data = [{"MetricName": "loss", "Timestamp": asker.now, "Value": 0.5}]
    body = json.dumps({"TrialComponentName": "run-1", "MetricData": data}).encode()
    assert asker.ask("PUT", "/BatchPutMetrics", body=body).status == 200
    for metric in ("Metrics.loss", "Metrics.loss.Max"):
        condition = {"Name": metric, "Operator": "LessThan", "Value": "1"}
        (only,) = found(asker, "ExperimentTrialComponent", SearchExpression={"Filters": [condition]})
        assert only["Metrics"][0]["Max"] == 0.5


def test_models_packages_and_cards(asker: Asker, role: str) -> None:
    asker.call("CreateModel", ModelName="house", PrimaryContainer={"Image": "i:1"}, ExecutionRoleArn=role)
    for name in ("ModelName", "Model.ModelName"):
        (only,) = found(asker, "Model", (name, "house"))
        assert only["Model"]["PrimaryContainer"] == {"Image": "i:1"}
        assert "Endpoints" not in only
    asker.call("CreateModelPackageGroup", ModelPackageGroupName="houses")
    asker.call("CreateModelPackage", ModelPackageGroupName="houses", SourceUri="s3://b/k")
    (only,) = found(asker, "ModelPackage", ("ModelPackageGroupName", "houses"), ("ModelPackageVersion", "1"))
    assert only["ModelApprovalStatus"] == "PendingManualApproval"
    assert len(found(asker, "ModelPackageGroup", ("ModelPackageGroupName", "houses"))) == 1
    content = json.dumps({"intended_uses": {"risk_rating": "Low"}})
    asker.call("CreateModelCard", ModelCardName="house", Content=content, ModelCardStatus="Draft")
    (only,) = found(asker, "ModelCard", ("RiskRating", "Low"))
    assert only["ModelCardStatus"] == "Draft"


@pytest.mark.usefixtures("everything_built")
def test_a_pipelines_version_knows_its_last_execution(asker: Asker, role: str) -> None:
    definition = json.dumps({"Steps": []})
    token = {"ClientRequestToken": "0" * 32}
    asker.call("CreatePipeline", PipelineName="p", RoleArn=role, PipelineDefinition=definition, **token)
    arn = asker.call("StartPipelineExecution", PipelineName="p", **token)["PipelineExecutionArn"]
    (version,) = found(asker, "PipelineVersion", ("PipelineVersionId", "1"))
    assert version["LastExecutedPipelineExecutionArn"] == arn
    (execution,) = found(asker, "PipelineExecution", ("PipelineExecutionStatus", "Executing"))
    assert execution["PipelineExecutionArn"] == arn


def test_features_are_found_in_their_groups(asker: Asker, role: str) -> None:
    features = [{"FeatureName": name, "FeatureType": "String"} for name in ("id", "at", "colour")]
    asker.call(
        "CreateFeatureGroup",
        FeatureGroupName="houses",
        RecordIdentifierFeatureName="id",
        EventTimeFeatureName="at",
        FeatureDefinitions=features,
        OnlineStoreConfig={"EnableOnlineStore": True},
    )
    (only,) = found(asker, "FeatureMetadata", ("FeatureName", "colour"))
    assert (only["FeatureGroupName"], only["FeatureType"]) == ("houses", "String")
    assert len(found(asker, "FeatureMetadata", ("FeatureGroupName", "houses"))) == 3
    assert len(found(asker, "FeatureGroup")) == 1


def resources() -> list[str]:
    shape = model.service("sagemaker").operation_model("Search").input_shape
    assert shape is not None
    resource = shape.members["Resource"]
    assert isinstance(resource, StringShape)
    return list(resource.enum)


@pytest.mark.parametrize("resource", resources())
def test_every_resource_answers(asker: Asker, resource: str) -> None:
    if resource in ("Image", "ImageVersion"):
        for operation in ("Search", "GetSearchSuggestions"):
            with pytest.raises(Refused, match=f"Use List{resource}s"):
                asker.call(operation, Resource=resource)
        return
    assert asker.call("Search", Resource=resource)["Results"] == []
    assert asker.call("GetSearchSuggestions", Resource=resource)["PropertyNameSuggestions"]


def test_expressions_may_be_nested_deeply(asker: Asker) -> None:
    expression: dict[str, Any] = {"Filters": [{"Name": "ExperimentName", "Value": "a"}]}
    for _ in range(60):
        expression = {"SubExpressions": [expression]}
    assert found(asker, "Experiment", SearchExpression=expression) == []


def test_suggestions_begin_as_the_hint_does(asker: Asker, runs: None) -> None:
    def suggested(resource: str, hint: str) -> list[str]:
        query = {"PropertyNameQuery": {"PropertyNameHint": hint}}
        answer = asker.call("GetSearchSuggestions", Resource=resource, SuggestionQuery=query)
        return [each["PropertyName"] for each in answer["PropertyNameSuggestions"]]

    assert suggested("ExperimentTrialComponent", "param") == ["Parameters.rate"]
    assert "Tags.team" in suggested("Experiment", "Tags")
    assert suggested("TrainingJob", "ModelArtifacts") == ["ModelArtifacts.S3ModelArtifacts"]
