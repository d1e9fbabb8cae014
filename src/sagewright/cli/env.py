"""`sagewright env`: what a shell needs so that AWS's clients talk to this server."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import click

from sagewright.base.settings import Settings
from sagewright.cli import client
from sagewright.cli.options import server_options

_STALE: Final = ("AWS_CREDENTIAL_EXPIRATION", "AWS_SECURITY_TOKEN", "AWS_PROFILE")
"""Of an earlier login: they make clients refuse good keys as expired, or take others."""
PLUGIN_FOLDER: Final = Path(__file__).parents[2] / "sagewright_container" / "client_plugin"
"""What tasks have too: it lies with what they see."""


@click.command("env")
@server_options
@click.option("--unset", is_flag=True, help="Print what undoes it instead.")
def command(settings: Settings, unset: bool) -> None:
    """Print shell commands that point AWS's clients at the server.

    \b
    Use it as:   eval "$(sagewright env)"
    Undo it:     eval "$(sagewright env --unset)"

    The keys are those of a session of the default execution role and last twelve hours. Nothing is written to your
    home folder. Beside AWS's own variables there are three for the SageMaker SDKs, which name AWS's STS address
    themselves and report usage to AWS: a botocore plugin (in PYTHONPATH) that sends them here, and a configuration
    file that opts out; and one for MLflow's clients. docs/guide/env.md explains each.
    """
    if unset:
        for name in variables(client.Connection("", "", "", "", "")):
            click.echo(_without_plugin() if name == "PYTHONPATH" else f"unset {name}")
        return
    for name, value in variables(client.connect(settings)).items():
        if name == "PYTHONPATH":
            click.echo(_without_plugin())  # done twice, it stands there once
            click.echo(f'export PYTHONPATH={shlex.quote(value)}"${{PYTHONPATH:+:$PYTHONPATH}}"')
        else:
            click.echo(f"export {name}={shlex.quote(value)}")
    for line in around(os.environ, settings.host):
        click.echo(line)


def variables(connection: client.Connection) -> dict[str, str]:
    """Name to value; PYTHONPATH is what comes in front of the user's own."""
    return {
        "AWS_ENDPOINT_URL": connection.url,
        "AWS_REGION": connection.region,
        "AWS_DEFAULT_REGION": connection.region,
        "AWS_ACCESS_KEY_ID": connection.access_key_id,
        "AWS_SECRET_ACCESS_KEY": connection.secret_access_key,
        "AWS_SESSION_TOKEN": connection.session_token,
        "BOTOCORE_EXPERIMENTAL__PLUGINS": "sagewright=sagewright_botocore",
        "SAGEMAKER_ADMIN_CONFIG_OVERRIDE": str(PLUGIN_FOLDER / "sagemaker-config.yaml"),
        "SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT": f"{connection.url}/_sagewright/mlflow",
        "PYTHONPATH": str(PLUGIN_FOLDER),
    }


def around(environ: Mapping[str, str], host: str) -> Iterator[str]:
    """What else this shell has that would get in the way: another login's leftovers, a proxy."""
    for name in _STALE:
        if name in environ:
            yield f"unset {name}"
    if any(name in environ for name in ("HTTP_PROXY", "http_proxy")):
        # Clients would ask the proxy for this very machine; some read one spelling, some the other.
        past = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
        hosts = ",".join(dict.fromkeys([*filter(None, past.split(",")), host]))
        yield from (f"export {name}={shlex.quote(hosts)}" for name in ("NO_PROXY", "no_proxy"))


def _without_plugin() -> str:
    folder = shlex.quote(str(PLUGIN_FOLDER))
    strip = f'PYTHONPATH="${{PYTHONPATH#{folder}}}"; PYTHONPATH="${{PYTHONPATH#:}}"'
    return f'{strip}; [ -n "$PYTHONPATH" ] || unset PYTHONPATH'
