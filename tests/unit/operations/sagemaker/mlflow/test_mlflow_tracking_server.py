import pytest

from sagewright.testing.asker import Asker, Refused

NAME = {"TrackingServerName": "runs"}


def test_servers_do_not_run_yet(asker: Asker, role: str) -> None:
    with pytest.raises(Refused, match="run MLflow tracking servers yet"):
        asker.call("CreateMlflowTrackingServer", **NAME, ArtifactStoreUri="s3://b/a", RoleArn=role)


@pytest.mark.usefixtures("everything_built")
def test_a_server_waits_is_stopped_changed_and_deleted(asker: Asker, role: str) -> None:
    arn = asker.call("CreateMlflowTrackingServer", **NAME, ArtifactStoreUri="s3://b/a", RoleArn=role)
    described = asker.call("DescribeMlflowTrackingServer", **NAME)
    assert (described["TrackingServerStatus"], described["IsActive"]) == ("Creating", "Inactive")
    assert "TrackingServerUrl" not in described
    assert described["CreatedBy"]["IamIdentity"]["Arn"].endswith(":root")
    assert asker.call("StopMlflowTrackingServer", **NAME) == arn
    with pytest.raises(Refused, match="is in status Stopped") as caught:
        asker.call("StopMlflowTrackingServer", **NAME)
    assert caught.value.code == "ConflictException"
    asker.call("UpdateMlflowTrackingServer", **NAME, TrackingServerSize="Large")
    (listed,) = asker.call("ListMlflowTrackingServers", TrackingServerStatus="Stopped")["TrackingServerSummaries"]
    assert listed["TrackingServerName"] == "runs"
    assert asker.call("ListMlflowTrackingServers", MlflowVersion="2.0.0")["TrackingServerSummaries"] == []
    asker.call("StartMlflowTrackingServer", **NAME)
    assert asker.call("DescribeMlflowTrackingServer", **NAME)["TrackingServerSize"] == "Large"
    with pytest.raises(Refused, match="already exists"):
        asker.call("CreateMlflowTrackingServer", **NAME, ArtifactStoreUri="s3://b/a", RoleArn=role)
    asker.call("DeleteMlflowTrackingServer", **NAME)
    with pytest.raises(Refused, match="does not exist") as caught:
        asker.call("DescribeMlflowTrackingServer", **NAME)
    assert caught.value.code == "ResourceNotFound"
