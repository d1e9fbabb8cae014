"""`sagewright backup`: a copy of the data folder that a server can run from, made while another one runs."""

from __future__ import annotations

import secrets
import shutil
import sqlite3
import sys
from pathlib import Path

import click

from sagewright.base.settings import Settings
from sagewright.cli.options import server_options
from sagewright.cli.snapshot import Snapshot
from sagewright.store import held


@click.command("backup")
@server_options
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--store", default="", envvar="SAGEWRIGHT_STORE", show_envvar=True, metavar="URL",
              help="The database, where records are in PostgreSQL: it is dumped to TARGET/records.dump.")  # fmt: skip
def command(settings: Settings, target: Path, store: str) -> None:
    """Copy everything that a server keeps to TARGET, while it runs or not.

    Records and objects are those of one moment, which is said at the end; the server's writes wait for it, for about
    as long as it takes to list the objects. Objects are hard-linked where TARGET is on the same file system. What
    runs is not copied: jobs that are in progress begin anew on the copy.
    """
    data = settings.data
    target = target.expanduser().absolute()
    if not data.is_dir():
        raise click.ClickException(f"There is nothing at {data}. Name the folder with --data.")
    if target.exists():
        raise click.ClickException(f"{target} exists already. Nothing is overwritten: name a new folder.")
    if not target.parent.is_dir():
        raise click.ClickException(f"{target.parent} is no folder. Make it first.")
    if target.resolve().is_relative_to(data.resolve()):
        raise click.ClickException(f"{target} lies inside {data}. Name a folder outside of it.")
    work = target.parent / f".{target.name}.{secrets.token_hex(4)}"
    try:
        work.mkdir(mode=0o700)
        made = Snapshot(data, work, _say).take(_held(data, store))
        made.finish(target)
    except (held.NotHeld, sqlite3.DatabaseError, OSError) as error:
        raise click.ClickException(f"Nothing was copied: {error}") from None
    finally:
        shutil.rmtree(work, ignore_errors=True)
    _tell(made, settings, target, store)


def _held(data: Path, store: str) -> held.Held:
    """How the records are kept from changing for a moment."""
    if store:
        return held.in_postgres(store)
    return held.in_sqlite(data / "state.db") if (data / "state.db").exists() else held.nothing


def _say(text: str) -> None:
    """Progress, on standard error: one line that changes on a terminal, else a line each."""
    shown = sys.stderr.isatty()
    click.echo(f"\r\x1b[K{text}" if shown else text, err=True, nl=not shown)


def _tell(made: Snapshot, settings: Settings, target: Path, store: str) -> None:
    if sys.stderr.isatty():
        _say("")
    click.echo(f"{target} holds all that was acknowledged up to {made.moment}: {made.told()}.")
    if made.linked:
        click.echo(f"Its objects share their disk space with {settings.data}, and so they share that disk's fate.")
    if store:
        click.echo(f"Run it:  createdb NEW && pg_restore -d NEW {target / held.DUMP}")
        flag = " --replica" if (target / "replicas").is_dir() else ""
        click.echo(f"         sagewright up{flag} --data {target} --store postgresql:///NEW")
    else:
        click.echo(f"Run it:  sagewright up --data {target}")
