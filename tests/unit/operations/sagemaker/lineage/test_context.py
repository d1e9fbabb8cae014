import pytest

from sagewright.testing.asker import Asker, Refused

SOURCE = {"SourceUri": "endpoint/1"}


def test_a_context_from_its_making_to_its_end(asker: Asker) -> None:
    made = asker.call("CreateContext", ContextName="house_1", Source=SOURCE, ContextType="Endpoint")
    asker.call("UpdateContext", ContextName="house_1", Description="where they live")
    found = asker.call("DescribeContext", ContextName=made["ContextArn"])
    assert (found["Description"], found["ContextType"]) == ("where they live", "Endpoint")
    assert len(asker.call("ListContexts", ContextType="Endpoint", SourceUri="endpoint/1")["ContextSummaries"]) == 1
    asker.call("AddTags", ResourceArn=made["ContextArn"], Tags=[{"Key": "a", "Value": "b"}])
    assert asker.call("ListTags", ResourceArn=made["ContextArn"])["Tags"] == [{"Key": "a", "Value": "b"}]
    asker.call("DeleteContext", ContextName="house_1")
    with pytest.raises(Refused, match="does not exist"):
        asker.call("UpdateContext", ContextName="house_1")
