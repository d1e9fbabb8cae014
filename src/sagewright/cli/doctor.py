"""`sagewright doctor`: what this machine can and cannot do, and what would help."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator

import click

from sagewright.base.settings import Settings
from sagewright.cli import client
from sagewright.cli.options import server_options
from sagewright.compute import sandbox
from sagewright.compute.machine import Machine

Finding = tuple[bool, str]


@click.command("doctor")
@server_options
def command(settings: Settings) -> None:
    """Look at this machine and say what is missing. Changes nothing."""
    findings = list(_findings(settings))
    for good, sentence in findings:
        click.echo(f"{click.style('ok  ', fg='green') if good else click.style('look', fg='yellow')}  {sentence}")
    if not all(good for good, _ in findings):
        sys.exit(1)


def _findings(settings: Settings) -> Iterator[Finding]:
    machine = Machine.here()
    yield (
        True,
        f"Python {sys.version.split()[0]}, {machine.vcpus} cores, {machine.memory_bytes / 2**30:.1f} GiB of memory",
    )
    reason = sandbox.available()
    yield reason is None, reason or "bubblewrap works: tasks run in a sandbox"
    free = shutil.disk_usage(_existing(settings)).free / 2**30
    yield free > 5, f"{free:.0f} GiB free for {settings.data}" + ("" if free > 5 else "; a runtime needs about 1 GiB")
    try:
        described = client.health(settings)
    except click.ClickException as error:
        yield False, error.message
        return
    if described is None:
        yield True, f"No server runs at {client.url(settings)}: `sagewright up` starts one"
        return
    yield True, f"A server runs at {client.url(settings)} (version {described['version']})"
    try:
        client.connect(settings)
        yield True, 'Its keys are at hand: `eval "$(sagewright env)"` works'
    except click.ClickException as error:
        yield False, error.message


def _existing(settings: Settings) -> str:
    folder = settings.data
    while not folder.exists():
        folder = folder.parent
    return str(folder)
