"""`sagewright console`: a link that opens the console."""

from __future__ import annotations

import json

import click

from sagewright.base.settings import Settings
from sagewright.cli import client
from sagewright.cli.options import server_options


@click.command("console")
@server_options
def command(settings: Settings) -> None:
    """Print a link that signs you in to the web console as root.

    It holds once, for ten minutes. Others sign in with a name and a password: `sagewright users add NAME`.
    """
    described = client.health(settings)
    if described is None:
        raise click.ClickException(
            f"No server answers at {client.url(settings)}. Start one with `sagewright up`, or name its --port."
        )
    made = json.loads(client.as_root(settings, "POST", "/_sagewright/console/link", region=described["region"]))
    click.echo(link(settings, made["token"]))


def link(settings: Settings, token: str) -> str:
    """The address that takes a link's token."""
    return f"http://{settings.reachable_host}:{settings.port}/_sagewright/console/enter?token={token}"
