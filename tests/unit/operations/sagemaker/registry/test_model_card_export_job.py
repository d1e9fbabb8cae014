import pytest

from sagewright.testing.asker import Asker, Refused

REQUEST = {
    "ModelCardName": "house",
    "ModelCardExportJobName": "print",
    "OutputConfig": {"S3OutputPath": "s3://b/cards"},
}


@pytest.fixture(autouse=True)
def card(asker: Asker) -> None:
    asker.call("CreateModelCard", ModelCardName="house", Content="{}", ModelCardStatus="Draft")


def test_exports_are_refused(asker: Asker) -> None:
    with pytest.raises(Refused, match="does not export model cards") as caught:
        asker.call("CreateModelCardExportJob", **REQUEST)
    assert 400 <= caught.value.status < 500


@pytest.mark.usefixtures("everything_built")
def test_the_record_behind_is_found_by_its_arn_and_listed_by_version(asker: Asker) -> None:
    arn = asker.call("CreateModelCardExportJob", **REQUEST)["ModelCardExportJobArn"]
    assert arn.endswith(":model-card/house/export-job/print")
    found = asker.call("DescribeModelCardExportJob", ModelCardExportJobArn=arn)
    assert (found["Status"], found["ModelCardVersion"]) == ("InProgress", 1)
    assert "ExportArtifacts" not in found
    for version, number in ((1, 1), (2, 0)):
        listed = asker.call("ListModelCardExportJobs", ModelCardName="house", ModelCardVersion=version)
        assert len(listed["ModelCardExportJobSummaries"]) == number
    with pytest.raises(Refused, match="already exists"):
        asker.call("CreateModelCardExportJob", **REQUEST)
    asker.call("DeleteModelCard", ModelCardName="house")
    with pytest.raises(Refused, match="does not exist"):
        asker.call("DescribeModelCardExportJob", ModelCardExportJobArn=arn)
