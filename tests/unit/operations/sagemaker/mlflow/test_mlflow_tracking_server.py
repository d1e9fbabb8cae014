from dataclasses import replace
from typing import Any

import pytest

from sagewright.resources.mlflow_tracking_server import KIND
from sagewright.resources.record import Key
from sagewright.testing.asker import Asker, Refused

NAME = {"TrackingServerName": "runs"}


@pytest.fixture
def request_(role: str) -> dict[str, Any]:
    return {**NAME, "ArtifactStoreUri": "s3://b/a", "RoleArn": role}


def arrive(asker: Asker, state: str) -> None:
    """As the controller would have it."""
    store = asker.server.storage.store
    record = store.get(Key("123456789012", "us-east-1", KIND, "", "runs"))
    assert record is not None
    store.update(replace(record, state=state, intent="run"))


def state(asker: Asker) -> str:
    return str(asker.call("DescribeMlflowTrackingServer", **NAME)["TrackingServerStatus"])


def test_a_server_is_described_listed_and_made_once(asker: Asker, request_: dict[str, Any]) -> None:
    arn = asker.call("CreateMlflowTrackingServer", **request_, MlflowVersion="2.16.2")
    described = asker.call("DescribeMlflowTrackingServer", **NAME)
    assert (described["TrackingServerStatus"], described["IsActive"]) == ("Creating", "Inactive")
    assert (described["TrackingServerSize"], described["AutomaticModelRegistration"]) == ("Small", False)
    assert described["TrackingServerUrl"] == (
        "http://127.0.0.1:4700/_sagewright/mlflow/mlflow-tracking-server/us-east-1/runs/"
    )
    assert described["CreatedBy"]["IamIdentity"]["Arn"].endswith(":root")
    (listed,) = asker.call("ListMlflowTrackingServers", TrackingServerStatus="Creating")["TrackingServerSummaries"]
    assert (listed["TrackingServerName"], listed["TrackingServerArn"]) == ("runs", arn["TrackingServerArn"])
    assert asker.call("ListMlflowTrackingServers", MlflowVersion="2.0.0")["TrackingServerSummaries"] == []
    with pytest.raises(Refused, match="already exists") as caught:
        asker.call("CreateMlflowTrackingServer", **request_)
    assert caught.value.code == "ConflictException"


def test_what_cannot_be_now_is_a_conflict(asker: Asker, request_: dict[str, Any]) -> None:
    asker.call("CreateMlflowTrackingServer", **request_)
    for operation in ("StopMlflowTrackingServer", "StartMlflowTrackingServer", "UpdateMlflowTrackingServer"):
        with pytest.raises(Refused, match="is in status Creating") as caught:
            asker.call(operation, **NAME)
        assert caught.value.code == "ConflictException"
    arrive(asker, "Created")
    with pytest.raises(Refused, match="it cannot start now"):
        asker.call("StartMlflowTrackingServer", **NAME)
    assert asker.call("StopMlflowTrackingServer", **NAME)["TrackingServerArn"].endswith("/runs")
    assert state(asker) == "Stopping"
    arrive(asker, "Stopped")
    asker.call("UpdateMlflowTrackingServer", **NAME, TrackingServerSize="Large")
    assert state(asker) == "Stopped"
    asker.call("StartMlflowTrackingServer", **NAME)
    assert state(asker) == "Starting"
    assert asker.call("DescribeMlflowTrackingServer", **NAME)["TrackingServerSize"] == "Large"
    asker.call("DeleteMlflowTrackingServer", **NAME)
    assert state(asker) == "Deleting"
    with pytest.raises(Refused, match="is in status Deleting"):
        asker.call("UpdateMlflowTrackingServer", **NAME)


def test_only_what_the_process_depends_on_starts_it_anew(asker: Asker, request_: dict[str, Any]) -> None:
    asker.call("CreateMlflowTrackingServer", **request_)

    def generation_after(**given: Any) -> int:
        arrive(asker, "Created")
        asker.call("UpdateMlflowTrackingServer", **NAME, **given)
        record = asker.server.storage.store.get(Key("123456789012", "us-east-1", KIND, "", "runs"))
        assert record is not None
        assert record.state == "Updating"
        return int(record.spec["generation"])

    assert generation_after(WeeklyMaintenanceWindowStart="Tue:03:30") == 1
    assert generation_after(ArtifactStoreUri="s3://b/a") == 1
    assert generation_after(ArtifactStoreUri="s3://b/b") == 2
    assert generation_after(AutomaticModelRegistration=True) == 3


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        ({"MlflowVersion": "1.30.0"}, "name a version of MLflow 2 or 3"),
        ({"S3BucketOwnerVerification": True, "S3BucketOwnerAccountId": "210987654321"}, "belong to account"),
        ({"RoleArn": "arn:aws:iam::123456789012:role/none"}, "Could not assume role"),
    ],
)
def test_what_cannot_be_is_refused(
    asker: Asker, request_: dict[str, Any], members: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(Refused, match=sentence) as caught:
        asker.call("CreateMlflowTrackingServer", **(request_ | members))
    assert caught.value.code == "ValidationException"
    assert asker.call("ListMlflowTrackingServers")["TrackingServerSummaries"] == []


def test_no_address_leads_to_one_that_does_not_answer(asker: Asker, request_: dict[str, Any]) -> None:
    with pytest.raises(Refused) as caught:
        asker.call("CreatePresignedMlflowTrackingServerUrl", **NAME)
    assert caught.value.code == "ResourceNotFound"
    asker.call("CreateMlflowTrackingServer", **request_)
    with pytest.raises(Refused, match="is in status Creating and does not answer"):
        asker.call("CreatePresignedMlflowTrackingServerUrl", **NAME)
