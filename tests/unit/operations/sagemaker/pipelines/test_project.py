import pytest

from sagewright.testing.asker import Asker, Refused

TEMPLATE = {"CfnTemplateProvider": {"TemplateName": "plan", "TemplateURL": "https://example.com/plan.yaml"}}


def test_projects_are_refused(asker: Asker) -> None:
    with pytest.raises(Refused, match="does not set projects up"):
        asker.call("CreateProject", ProjectName="house", TemplateProviders=[TEMPLATE])
    with pytest.raises(Refused, match="Project house does not exist") as caught:
        asker.call("DescribeProject", ProjectName="house")
    assert caught.value.code == "ValidationException"


@pytest.mark.usefixtures("everything_built")
def test_the_record_behind(asker: Asker) -> None:
    with pytest.raises(Refused, match="Exactly one"):
        asker.call("CreateProject", ProjectName="house")
    made = asker.call("CreateProject", ProjectName="house", TemplateProviders=[TEMPLATE])
    asker.call("UpdateProject", ProjectName="house", ProjectDescription="brick", Tags=[{"Key": "a", "Value": "b"}])
    found = asker.call("DescribeProject", ProjectName="house")
    assert (found["ProjectId"], found["ProjectStatus"]) == (made["ProjectId"], "Pending")
    assert found["ProjectDescription"] == "brick"
    assert found["TemplateProviderDetails"][0]["CfnTemplateProviderDetail"]["TemplateName"] == "plan"
    with pytest.raises(Refused, match="does not carry templates"):
        asker.call("UpdateProject", ProjectName="house", TemplateProvidersToUpdate=[TEMPLATE])
    asker.call("DeleteProject", ProjectName="house")
    assert asker.call("ListProjects")["ProjectSummaryList"] == []
