"""Entry point of the `sagewright` command."""

from __future__ import annotations

import importlib

import click

import sagewright

# Add a command here; it is imported when it is asked for.
_COMMANDS = {
    "up": "sagewright.cli.up",
    "restart": "sagewright.cli.restart",
    "env": "sagewright.cli.env",
    "keys": "sagewright.cli.keys",
    "users": "sagewright.cli.users",
    "console": "sagewright.cli.console",
    "demo": "sagewright.cli.demo",
    "status": "sagewright.cli.status",
    "cost": "sagewright.cli.cost",
    "spark-history": "sagewright.cli.spark_history",
    "chaos": "sagewright.cli.chaos",
    "doctor": "sagewright.cli.doctor",
    "backup": "sagewright.cli.backup",
    "quota": "sagewright.cli.quota",
    "bucket": "sagewright.cli.bucket",
    "file-system": "sagewright.cli.file_system",
}


class _Lazy(click.Group):
    """Subcommands by file, so that `env` does not pay for the server's imports."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(_COMMANDS[cmd_name]).command
        return command


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(sagewright.__version__, prog_name="sagewright")
def main() -> None:
    """Amazon SageMaker on your own machines.

    \b
    Start a server:                sagewright up
    Point a shell's clients at it: eval "$(sagewright env)"
    See it work:                   sagewright demo
    """
