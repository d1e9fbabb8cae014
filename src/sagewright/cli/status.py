"""`sagewright status`: what there is, and how it is doing."""

from __future__ import annotations

from typing import Any

import botocore.session
import click

from sagewright.base.settings import Settings
from sagewright.cli import client
from sagewright.cli.options import server_options


@click.command("status")
@server_options
def command(settings: Settings) -> None:
    """Say whether the server runs, and what it works on."""
    connection = client.connect(settings)
    click.echo(f"Sagewright answers at {connection.url}  (data: {settings.data})")
    sagemaker = make_client(connection, "sagemaker")
    _table("Training jobs", sagemaker.list_training_jobs(MaxResults=10, SortOrder="Descending")["TrainingJobSummaries"],
           "TrainingJobName", "TrainingJobStatus")  # fmt: skip
    _table("Endpoints", sagemaker.list_endpoints(MaxResults=10)["Endpoints"], "EndpointName", "EndpointStatus")
    _table("MLflow tracking servers", sagemaker.list_mlflow_tracking_servers(MaxResults=10)["TrackingServerSummaries"],
           "TrackingServerName", "TrackingServerStatus")  # fmt: skip
    _table("Models", sagemaker.list_models(MaxResults=10)["Models"], "ModelName", None)


def make_client(connection: client.Connection, service: str) -> Any:
    """A botocore client of the server, whatever the shell is pointed at."""
    return botocore.session.Session().create_client(
        service,
        region_name=connection.region,
        endpoint_url=connection.url,
        aws_access_key_id=connection.access_key_id,
        aws_secret_access_key=connection.secret_access_key,
        aws_session_token=connection.session_token,
    )


def _table(title: str, rows: list[dict[str, Any]], name: str, state: str | None) -> None:
    click.secho(f"\n{title}", bold=True)
    if not rows:
        click.echo("  none")
    for row in rows:
        when = row["CreationTime"].astimezone().strftime("%Y-%m-%d %H:%M:%S")
        click.echo(f"  {row[name]:<50} {row[state] if state else '':<12} {when}")
