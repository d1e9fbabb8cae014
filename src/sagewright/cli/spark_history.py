"""`sagewright spark-history`: Spark's history server over event logs in S3."""

from __future__ import annotations

import json
import time
import webbrowser
from typing import Final
from urllib.parse import urlencode

import click

from sagewright.base.settings import Settings
from sagewright.cli import client
from sagewright.cli.options import server_options

_PATH: Final = "/_sagewright/spark-history"
_PAUSE: Final = 0.3


@click.command("spark-history")
@server_options
@click.argument("uri", metavar="S3_URI")
@click.option("--open", "opens", is_flag=True, help="Open it in the browser too.")
@click.option("--region", metavar="NAME", help="[default: the server's]")
def command(settings: Settings, uri: str, opens: bool, region: str | None) -> None:
    """Look at Spark applications by their event logs, in Spark's own pages.

    \b
    A job writes them where spark_event_logs_s3_uri says:
      PySparkProcessor(…).run(…, spark_event_logs_s3_uri="s3://bucket/spark-events")
    Look at them, also while it runs:
      sagewright spark-history s3://bucket/spark-events

    Prints an address that opens once, within five minutes. Spark's history server starts for it in some seconds (the
    first time Spark is installed, which takes minutes), keeps up with what comes to S3, and ends when nobody looked at
    it for a quarter of an hour (`sagewright up --spark-history-idle`). The console has the same on a processing job's
    page: "Spark UI".
    """
    described = client.health(settings)
    if described is None:
        raise click.ClickException(
            f"No server answers at {client.url(settings)}. Start one with `sagewright up`, or name its --port."
        )
    query = urlencode({"uri": uri})
    said = False
    while True:
        answer = json.loads(client.as_root(settings, "POST", _PATH, query, region=region or described["region"]))
        if "AuthorizedUrl" in answer:
            break
        if not said:
            click.echo("Spark's history server starts.", err=True)
            said = True
        time.sleep(_PAUSE)
    click.echo(answer["AuthorizedUrl"])
    if opens:
        webbrowser.open(answer["AuthorizedUrl"])
