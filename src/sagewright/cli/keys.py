"""`sagewright keys`: the root access key, and who else has keys."""

from __future__ import annotations

from typing import Any

import botocore.exceptions
import click

from sagewright.base.settings import DEFAULT_REGION, Settings
from sagewright.cli import client
from sagewright.cli.options import server_options
from sagewright.cli.status import make_client
from sagewright.operations.sts import root_keys


@click.group("keys")
def command() -> None:
    """Show, list and replace access keys.

    The root key may do everything. It is in a file of the data folder that only you can read; users' keys are made
    with IAM (`aws iam create-access-key`), which shows their secret once.
    """


@command.command("show")
@server_options
def show(settings: Settings) -> None:
    """Print the root key as a profile of AWS's credentials file has it."""
    _print(_read(settings))


@command.command("list")
@server_options
def listed(settings: Settings) -> None:
    """List the root key and users' keys; theirs only while the server runs."""
    root = _read(settings)
    click.echo(f"{root.access_key_id:<22} {'root':<24} Active")
    iam = _iam(settings, root)
    if iam is None:
        click.echo(f"No server answers at {client.url(settings)}: users' keys are not listed.", err=True)
        return
    for page in iam.get_paginator("list_users").paginate():
        for user in page["Users"]:
            for key in iam.list_access_keys(UserName=user["UserName"])["AccessKeyMetadata"]:
                used = iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])["AccessKeyLastUsed"]
                when = used.get("LastUsedDate")
                last = (
                    f"last used {when.astimezone():%Y-%m-%d %H:%M} by {used['ServiceName']}" if when else "never used"
                )
                click.echo(f"{key['AccessKeyId']:<22} {user['UserName']:<24} {key['Status']:<9} {last}")


@command.command("rotate")
@server_options
def rotate(settings: Settings) -> None:
    """Replace the root key. The old one is refused from now on, also by a server that runs; sessions go on."""
    _read(settings)
    _print(root_keys.rotate(settings.data / "keys"))


def _read(settings: Settings) -> root_keys.RootKey:
    try:
        return root_keys.read(settings.data / "keys")
    except OSError as error:
        raise click.ClickException(
            f"There are no keys in {settings.data} ({error.strerror}). `sagewright up` makes them, or name the right "
            "folder with --data."
        ) from None


def _print(key: root_keys.RootKey) -> None:
    click.echo(f"aws_access_key_id = {key.access_key_id}")
    click.echo(f"aws_secret_access_key = {key.secret}")


def _iam(settings: Settings, root: root_keys.RootKey) -> Any:
    """A client with the root key; None where no server answers."""
    if client.health(settings) is None:
        return None
    connection = client.Connection(client.url(settings), DEFAULT_REGION, root.access_key_id, root.secret, "")
    iam = make_client(connection, "iam")
    try:
        iam.get_account_summary()
    except botocore.exceptions.ClientError as error:
        raise click.ClickException(
            f"The server at {client.url(settings)} refused the key of {settings.data}: it works on another folder. "
            f"Name the right one with --data. ({error})"
        ) from None
    return iam
