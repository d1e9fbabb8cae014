"""`sagewright file-system`: folders of this machine that stand for file systems which jobs read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import click

from sagewright.base.settings import Settings
from sagewright.cli.options import server_options

_ID: Final = re.compile(r"fs-[0-9a-f]{8,18}")
"""As CreateTrainingJob takes them."""


@click.group("file-system")
def command() -> None:
    """Say which folder stands for an EFS or FSx for Lustre file system.

    A training job's channel that names a file system by its id shows a folder below that one. docs/guide/inputs.md says
    more.
    """


@command.command("attach")
@server_options
@click.argument("name", metavar="ID")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def attach(settings: Settings, name: str, folder: Path) -> None:
    """Let FOLDER stand for file system ID (fs-…); again, to change which."""
    if not _ID.fullmatch(name):
        raise click.ClickException(f"{name} is not the id of a file system: fs- and 8 to 18 of 0-9 and a-f.")
    place = _folder(settings) / name
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if place.is_dir() and not place.is_symlink():
        raise click.ClickException(f"{name} is a folder in {place.parent} itself. Move it away first.")
    place.unlink(missing_ok=True)
    place.symlink_to(folder.absolute())
    click.echo(f"{name} is {folder.absolute()} from now on.")


@command.command("detach")
@server_options
@click.argument("name", metavar="ID")
def detach(settings: Settings, name: str) -> None:
    """Forget which folder stands for file system ID. The folder stays as it is."""
    place = _folder(settings) / name
    if not _ID.fullmatch(name) or not place.is_symlink():
        raise click.ClickException(f"{name} is not attached. `sagewright file-system list` says which are.")
    place.unlink()
    click.echo(f"{name} is forgotten.")


@command.command("list")
@server_options
def listed(settings: Settings) -> None:
    """List the file systems that are known, and their folders."""
    folder = _folder(settings)
    for place in sorted(folder.iterdir()) if folder.is_dir() else ():
        click.echo(f"{place.name:<24} {place.readlink() if place.is_symlink() else place}")


def _folder(settings: Settings) -> Path:
    return settings.data / "file-systems"
