from typing import Any

import pytest

from sagewright.testing.asker import Asker, Refused

SOURCE: dict[str, Any] = {
    "SourceUri": "s3://b/k",
    "SourceTypes": [{"SourceIdType": "S3ETag", "Value": "e"}, {"SourceIdType": "MD5Hash", "Value": "m"}],
}


def test_an_artifact_is_known_by_its_source(asker: Asker) -> None:
    arn = asker.call("CreateArtifact", ArtifactName="Data", Source=SOURCE, ArtifactType="DataSet")["ArtifactArn"]
    assert len(arn.rpartition("/")[2]) == 32
    turned = {**SOURCE, "SourceTypes": SOURCE["SourceTypes"][::-1]}
    with pytest.raises(Refused, match="already exists"):
        asker.call("CreateArtifact", ArtifactName="Other", Source=turned, ArtifactType="DataSet")
    other = asker.call("CreateArtifact", Source={"SourceUri": "s3://b/k"}, ArtifactType="DataSet")["ArtifactArn"]
    assert other != arn


def test_the_same_request_once_more_gets_the_same_artifact(asker: Asker) -> None:
    request = {"ArtifactName": "Data", "Source": SOURCE, "ArtifactType": "DataSet"}
    assert asker.call("CreateArtifact", **request) == asker.call("CreateArtifact", **request)


def test_described_listed_updated(asker: Asker) -> None:
    arn = asker.call("CreateArtifact", Source=SOURCE, ArtifactType="DataSet", Properties={"a": "1"})["ArtifactArn"]
    found = asker.call("DescribeArtifact", ArtifactArn=arn)
    assert (found["Source"], found["Properties"]) == (SOURCE, {"a": "1"})
    assert "ArtifactName" not in found
    change = {"ArtifactName": "Data", "Properties": {"b": "2", "c": "3"}, "PropertiesToRemove": ["c"]}
    asker.call("UpdateArtifact", ArtifactArn=arn, **change)
    found = asker.call("DescribeArtifact", ArtifactArn=arn)
    assert (found["ArtifactName"], found["Properties"]) == ("Data", {"b": "2"})
    for filters, number in (({"SourceUri": "s3://b/k"}, 1), ({"ArtifactType": "Model"}, 0)):
        assert len(asker.call("ListArtifacts", **filters)["ArtifactSummaries"]) == number


def test_deleted_by_arn_or_source_and_never_with_associations(asker: Asker, chain: dict[str, str]) -> None:
    with pytest.raises(Refused, match="has associations"):
        asker.call("DeleteArtifact", ArtifactArn=chain["raw"])
    for members in ({}, {"ArtifactArn": chain["raw"], "Source": SOURCE}):
        with pytest.raises(Refused, match="Exactly one"):
            asker.call("DeleteArtifact", **members)
    asker.call("DeleteAssociation", SourceArn=chain["raw"], DestinationArn=chain["sibling"])
    answer = asker.call("DeleteArtifact", Source={"SourceUri": "s3://lineage/sibling"})
    assert answer["ArtifactArn"] == chain["sibling"]
    with pytest.raises(Refused, match="does not exist") as caught:
        asker.call("DescribeArtifact", ArtifactArn=chain["sibling"])
    assert caught.value.code == "ResourceNotFound"
