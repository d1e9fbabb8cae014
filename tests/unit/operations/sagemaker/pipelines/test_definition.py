import json
from typing import Any

import pytest

from sagewright.base.errors import AwsError
from sagewright.operations.sagemaker.pipelines.definition import given, read

FAIL: dict[str, Any] = {"Name": "End", "Type": "Fail", "Arguments": {}}


def test_steps_within_steps_are_steps() -> None:
    inner = {"Name": "Choose", "Type": "Condition", "Arguments": {"Conditions": [], "IfSteps": [FAIL], "ElseSteps": []}}
    assert set(read(json.dumps({"Steps": [inner]})).steps) == {"Choose", "End"}


@pytest.mark.parametrize(
    ("whole", "sentence"),
    [
        ("{", "not valid JSON"),
        ([], "must be a JSON object"),
        ({"Version": "2019-01-01", "Steps": []}, "Version must be 2020-12-01"),
        ({"Version": "2020-12-01"}, "needs Steps"),
        ({"Steps": [1]}, "list of objects"),
        ({"Steps": [{**FAIL, "Name": "a b"}]}, "needs a Name"),
        ({"Steps": [FAIL, FAIL]}, "two steps are named End"),
        ({"Steps": [{**FAIL, "Type": "Magic"}]}, "unknown Type: 'Magic'"),
        ({"Steps": [{**FAIL, "Type": ["Fail"]}]}, "unknown Type"),
        ({"Steps": [{**FAIL, "Arguments": 3}]}, "must be an object"),
        ({"Steps": [{**FAIL, "DependsOn": ["None"]}]}, "which is no step"),
        ({"Steps": [{**FAIL, "DependsOn": "End"}]}, "must be a list"),
        ({"Steps": [{**FAIL, "DependsOn": ["End"]}]}, "wait for each other"),
        ({"Steps": [{**FAIL, "Arguments": {"a": {"Get": "Parameters.None"}}}]}, "Parameters.None"),
        ({"Steps": [{**FAIL, "Arguments": [{"Get": "Steps.None.x"}]}]}, "must be an object"),
        ({"Steps": [{**FAIL, "Arguments": {"a": [{"Get": "Steps.None.x"}]}}]}, "Steps.None"),
        ({"Parameters": [{"Type": "String"}], "Steps": []}, "needs a Name"),
        ({"Parameters": [{"Name": "a", "Type": "Text"}], "Steps": []}, "Type of parameter a"),
        ({"Parameters": [{"Name": "a", "Type": ["String"]}], "Steps": []}, "Type of parameter a"),
        ({"Parameters": [{"Name": "a", "Type": "String"}] * 2, "Steps": []}, "declared twice"),
        ({"Parameters": [{"Name": "a", "Type": "Integer", "DefaultValue": True}], "Steps": []}, "of type Integer"),
        (
            {"Parameters": [{"Name": "a", "Type": "String", "DefaultValue": "x", "EnumValues": ["y"]}], "Steps": []},
            "must be one of",
        ),
    ],
)
def test_what_is_no_definition(whole: Any, sentence: str) -> None:
    with pytest.raises(AwsError, match=sentence) as caught:
        read(whole if isinstance(whole, str) else json.dumps(whole))
    assert caught.value.code == "ValidationException"


PARAMETERS = read(
    json.dumps(
        {
            "Parameters": [
                {"Name": "text", "Type": "String", "DefaultValue": "a", "EnumValues": ["a", "b"]},
                {"Name": "number", "Type": "Integer", "DefaultValue": 1},
                {"Name": "share", "Type": "Float", "DefaultValue": 0.5},
                {"Name": "flag", "Type": "Boolean", "DefaultValue": True},
            ],
            "Steps": [],
        }
    )
)


def test_parameters_have_their_defaults() -> None:
    assert given(PARAMETERS, []) == {"text": "a", "number": "1", "share": "0.5", "flag": "true"}
    values = given(PARAMETERS, [{"Name": "flag", "Value": "False"}, {"Name": "text", "Value": "b"}])
    assert (values["flag"], values["text"]) == ("False", "b")


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("text", "c", "must be one of"),
        ("number", "1.5", "of type Integer"),
        ("share", "much", "of type Float"),
        ("flag", "1", "of type Boolean"),
        ("none", "1", "no parameter none"),
    ],
)
def test_values_that_parameters_cannot_have(name: str, value: str, sentence: str) -> None:
    with pytest.raises(AwsError, match=sentence):
        given(PARAMETERS, [{"Name": name, "Value": value}])
