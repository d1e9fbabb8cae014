"""`sagewright chaos`: what goes wrong on AWS by itself, here on demand."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlencode

import click

from sagewright.base.settings import Settings
from sagewright.cli import client
from sagewright.cli.options import server_options
from sagewright.cli.status import make_client

_INTERRUPT: Final = "/_sagewright/interrupt"
_WARNING: Final = 120.0


@click.group("chaos")
def command() -> None:
    """Take away what AWS may take away, to see that work survives it."""


@command.command("interrupt")
@server_options
@click.argument("job", required=False)
@click.option("--all", "everybody", is_flag=True, help="All training jobs that run on Spot instances now.")
@click.option("--warning", type=click.FloatRange(0, 3600), default=_WARNING, show_default=True, metavar="SECONDS",
              help="How long the script may go on after it was told (SIGTERM).")  # fmt: skip
@click.option("--every", type=click.FloatRange(min=0.1), metavar="SECONDS",
              help="Again and again, until Ctrl-C; each time after up to twice as long, at random.")  # fmt: skip
def interrupt(settings: Settings, job: str | None, everybody: bool, warning: float, every: float | None) -> None:
    """Reclaim the Spot instances of training job JOB.

    The job ends as interrupted and starts again, from its checkpoints if it has a CheckpointConfig.
    docs/guide/spot.md says how to write one that goes on where it was.
    """
    if (job is None) != everybody:
        raise click.ClickException("Name one training job, or say --all.")
    while True:
        connection = client.connect(settings)
        for name in [job] if job is not None else _on_spot(connection):
            try:
                _interrupt(settings, connection.region, name, warning)
            except click.ClickException as error:
                if every is None and job is not None:
                    raise
                click.echo(error.message)  # it has just ended, or is between two tries
        if every is None:
            return
        time.sleep(random.uniform(0, 2 * every))  # noqa: S311


def _interrupt(settings: Settings, region: str, job: str, warning: float) -> None:
    query = urlencode({"job": job, "warning": f"{warning:g}"})
    told = json.loads(client.as_root(settings, "POST", _INTERRUPT, query, region=region))
    click.echo(f"{job}: the instances of try {told['Try']} are reclaimed in {warning:g} s.")


def _on_spot(connection: client.Connection) -> Sequence[str]:
    sagemaker = make_client(connection, "sagemaker")
    names: list[str] = []
    for page in sagemaker.get_paginator("list_training_jobs").paginate(StatusEquals="InProgress"):
        for each in page["TrainingJobSummaries"]:
            name = each["TrainingJobName"]
            told = sagemaker.describe_training_job(TrainingJobName=name)
            if told.get("EnableManagedSpotTraining") and told["SecondaryStatus"] in ("Downloading", "Training"):
                names.append(name)
    return names
