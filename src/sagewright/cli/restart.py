"""`sagewright restart`: a new server in the place of the one that runs."""

from __future__ import annotations

import os
import time
from typing import Final

import click

from sagewright.base.settings import Settings
from sagewright.cli import client
from sagewright.cli.listening import RESTART
from sagewright.cli.options import server_options

_PATIENCE: Final = 60.0
_PAUSE: Final = 0.1


@click.command("restart")
@server_options
def command(settings: Settings) -> None:
    """Start the server anew, as after an upgrade.

    Jobs and model servers go on, requests that are under way are answered, and new ones wait until the new server is
    there.
    """
    from sagewright import compose

    before = client.health(settings)
    server = compose.working_on(settings.data, settings.port)
    if before is None or server is None:
        raise click.ClickException(f"No server works on {settings.data}. Start one with `sagewright up`.")
    os.kill(server, RESTART)
    end = time.monotonic() + _PATIENCE
    while True:
        now = client.health(settings)
        if now is not None and now["started"] != before["started"]:
            break
        if not _runs(server) or time.monotonic() > end:
            raise click.ClickException("The server did not come back. Its own output says why.")
        time.sleep(_PAUSE)
    click.echo(f"Sagewright {now['version']} answers at {client.url(settings)}.")


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
