"""A tracking server's life: what ends it, what does not, and how browsers come in."""

from __future__ import annotations

import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

import pytest

NAME = {"TrackingServerName": "Runs"}


def processes(arn: str) -> list[int]:
    """MLflow's processes of a tracking server."""
    return [pid for pid, words in _of(arn) if b"serve mlflow" in words and b"/bin/sh" not in words]


def _of(arn: str) -> Iterator[tuple[int, bytes]]:
    marks = {f"SAGEWRIGHT_TRACKING_ARN={arn}".encode(), f"AWS_ENDPOINT_URL={os.environ['AWS_ENDPOINT_URL']}".encode()}
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and marks <= set((folder / "environ").read_bytes().split(b"\0")):
                yield int(folder.name), (folder / "cmdline").read_bytes().replace(b"\0", b" ")
        except OSError:
            continue


def browser() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))


def get(opener: urllib.request.OpenerDirector, url: str, **headers: str) -> tuple[int, str, str]:
    """Status, final address, text."""
    try:
        with opener.open(urllib.request.Request(url, headers=headers), timeout=120) as answer:
            return answer.status, answer.url, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, url, error.read().decode()


def test_it_says_what_it_is(tracking: str, described: Callable[[], dict[str, Any]], server: Any) -> None:
    now = described()
    assert (now["TrackingServerArn"], now["IsActive"], now["MlflowVersion"]) == (tracking, "Active", "2.16.2")
    assert now["TrackingServerUrl"].startswith(f"http://127.0.0.1:{server.port}/")
    import boto3

    (group,) = boto3.client("logs").describe_log_groups(logGroupNamePrefix="/aws/sagemaker/Mlflow")["logGroups"]
    assert group["logGroupName"] == "/aws/sagemaker/MlflowTrackingServers/Runs"
    events = boto3.client("logs").filter_log_events(logGroupName=group["logGroupName"], filterPattern='"was asked for"')
    assert "2.16.2 was asked for" in events["events"][0]["message"]


def test_a_presigned_address_opens_the_user_interface_once(mlflow: Any, sagemaker: Any) -> None:
    mlflow.set_experiment("seen")
    url = sagemaker.create_presigned_mlflow_tracking_server_url(
        **NAME, ExpiresInSeconds=60, SessionExpirationDurationInSeconds=1800
    )["AuthorizedUrl"]
    visitor = browser()
    status, place, page = get(visitor, url)
    assert (status, place) == (200, url.partition("auth?")[0])
    assert "<title>MLflow</title>" in page
    script = page.partition('src="')[2].partition('"')[0]
    assert get(visitor, place + script)[0] == 200
    search = place + "ajax-api/2.0/mlflow/experiments/search?max_results=100"
    assert '"seen"' in get(visitor, search)[2]
    assert get(visitor, place + "ajax-api/3.0/mlflow/gateway/secrets/list")[0] == 404
    # Nobody else gets in, not with the same address either.
    assert get(browser(), url)[0] == 401
    assert get(browser(), search)[0] == 401
    assert "create-presigned" in get(browser(), place, accept="text/html")[2]


def test_an_address_runs_out(tracking: str, sagemaker: Any) -> None:
    url = sagemaker.create_presigned_mlflow_tracking_server_url(**NAME, ExpiresInSeconds=5)["AuthorizedUrl"]
    time.sleep(5.5)
    assert get(browser(), url)[0] == 401


def test_what_is_logged_outlives_processes_and_servers(
    mlflow: Any,
    tracking: str,
    sagemaker: Any,
    server: Any,
    described: Callable[[], dict[str, Any]],
    settled: Callable[[str], dict[str, Any]],
    eventually: Callable[..., Any],
) -> None:
    from mlflow.exceptions import RestException

    with mlflow.start_run() as run:
        mlflow.log_param("kept", "yes")

    def kept() -> bool:
        return bool(mlflow.get_run(run.info.run_id).data.params["kept"] == "yes")

    # The server is killed: MLflow goes on, and the next server finds it.
    (before,) = processes(tracking)
    server.kill()
    server.start()
    assert kept()
    assert processes(tracking) == [before]

    # MLflow is killed: another takes its place.
    os.kill(before, signal.SIGKILL)
    eventually(lambda: described()["IsActive"] == "Inactive")
    eventually(lambda: described()["IsActive"] == "Active")
    assert kept()
    assert described()["TrackingServerStatus"] == "Created"

    # Stopped, nothing of it runs; started again, all is there.
    sagemaker.stop_mlflow_tracking_server(**NAME)
    settled("Stopped")
    assert processes(tracking) == []
    with pytest.raises(RestException, match=r"is in status Stopped\. Start it: aws sagemaker start-mlflow"):
        kept()
    sagemaker.start_mlflow_tracking_server(**NAME)
    settled("Started")
    assert kept()


def test_an_update_is_seen(mlflow: Any, bucket: str, sagemaker: Any, settled: Callable[[str], dict[str, Any]]) -> None:
    (before,) = processes(sagemaker.describe_mlflow_tracking_server(**NAME)["TrackingServerArn"])
    sagemaker.update_mlflow_tracking_server(**NAME, WeeklyMaintenanceWindowStart="Tue:03:30")
    assert settled("Updated")["WeeklyMaintenanceWindowStart"] == "Tue:03:30"
    assert processes(mlflow.get_tracking_uri()) == [before], "MLflow has nothing to do with it"
    sagemaker.update_mlflow_tracking_server(
        **NAME, ArtifactStoreUri=f"s3://{bucket}/elsewhere", TrackingServerSize="Medium"
    )
    settled("Updated")
    assert len(processes(mlflow.get_tracking_uri())) == 3, "two workers, and who waits for them"
    mlflow.set_experiment("moved")
    with mlflow.start_run() as run:
        mlflow.log_text("a", "a.txt")
    assert run.info.artifact_uri.startswith(f"s3://{bucket}/elsewhere/")


def test_an_app_is_a_tracking_server_that_nobody_stops(
    mlflow: Any, sagemaker: Any, role: str, bucket: str, eventually: Callable[..., Any]
) -> None:
    arn = sagemaker.create_mlflow_app(Name="app", ArtifactStoreUri=f"s3://{bucket}/app", RoleArn=role)["Arn"]
    try:
        eventually(lambda: sagemaker.describe_mlflow_app(Arn=arn)["Status"] == "Created")
        mlflow.set_tracking_uri(arn)
        mlflow.set_experiment("in the app")
        with mlflow.start_run() as run:
            mlflow.log_text("a", "a.txt")
        assert run.info.artifact_uri.startswith(f"s3://{bucket}/app/")
        url = sagemaker.create_presigned_mlflow_app_url(Arn=arn)["AuthorizedUrl"]
        assert "<title>MLflow</title>" in get(browser(), url)[2]
    finally:
        sagemaker.delete_mlflow_app(Arn=arn)
        eventually(lambda: not sagemaker.list_mlflow_apps()["Summaries"])
    assert processes(arn) == []
