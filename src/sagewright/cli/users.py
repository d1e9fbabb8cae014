"""`sagewright users`: who may sign in to the console."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import botocore.exceptions
import click

from sagewright.base.settings import Settings
from sagewright.cli import client
from sagewright.cli.options import server_options
from sagewright.cli.status import make_client

_EVERYTHING: Final = "arn:aws:iam::aws:policy/AdministratorAccess"
_POLICIES: Final = "arn:aws:iam::aws:policy/"
_PASSWORD: Final = click.password_option(help="Asked for where it is not given.")


@click.group("users")
def command() -> None:
    """Add and list who may sign in to the console.

    They are IAM's users: what they may is what their policies and groups say, in the console as with their keys.
    """


@command.command("add")
@server_options
@click.argument("name")
@_PASSWORD
@click.option("--policy", "policies", multiple=True, metavar="NAME_OR_ARN",
              help="What the user may, again for more: AmazonSageMakerFullAccess, ReadOnlyAccess, …")  # fmt: skip
@click.option("--admin", is_flag=True, help="The user may everything.")
@click.option("--temporary", is_flag=True, help="A new password is asked for at the first sign-in.")
def add(settings: Settings, name: str, password: str, policies: tuple[str, ...], admin: bool, temporary: bool) -> None:
    """Make user NAME, or give one that is there a password."""
    with _iam(settings) as iam:
        made = _made(iam, name)
        try:
            iam.create_login_profile(UserName=name, Password=password, PasswordResetRequired=temporary)
            for policy in (*policies, *([_EVERYTHING] if admin else [])):
                arn = policy if policy.startswith("arn:") else _POLICIES + policy
                iam.attach_user_policy(UserName=name, PolicyArn=arn)
        except botocore.exceptions.ClientError:
            if made:  # nothing is left half done
                _remove(iam, name)
            raise
    click.echo(f"{name} signs in at {client.url(settings)}/")
    if made and not policies and not admin:
        click.echo("No policy is attached yet: the user may do nothing. --policy AmazonSageMakerFullAccess, for one.")


@command.command("password")
@server_options
@click.argument("name")
@_PASSWORD
@click.option("--temporary", is_flag=True, help="A new one is asked for at the next sign-in.")
def password(settings: Settings, name: str, password: str, temporary: bool) -> None:
    """Replace the password of user NAME. Sessions that the old one opened end."""
    with _iam(settings) as iam:
        iam.update_login_profile(UserName=name, Password=password, PasswordResetRequired=temporary)
    click.echo(f"{name} has a new password.")


@command.command("list")
@server_options
def listed(settings: Settings) -> None:
    """List the users, and who of them has a password."""
    with _iam(settings) as iam:
        for page in iam.get_paginator("list_users").paginate():
            for user in page["Users"]:
                click.echo(f"{user['UserName']:<32} {'signs in' if _signs_in(iam, user['UserName']) else 'keys only'}")


@contextmanager
def _iam(settings: Settings) -> Iterator[Any]:
    """IAM's client; what it refuses is told as it says it."""
    try:
        yield make_client(client.connect(settings), "iam")
    except botocore.exceptions.ClientError as error:
        raise click.ClickException(error.response["Error"]["Message"]) from None


def _made(iam: Any, name: str) -> bool:
    """Whether there was no such user before."""
    try:
        iam.create_user(UserName=name)
    except iam.exceptions.EntityAlreadyExistsException:
        return False
    return True


def _remove(iam: Any, name: str) -> None:
    for policy in iam.list_attached_user_policies(UserName=name)["AttachedPolicies"]:
        iam.detach_user_policy(UserName=name, PolicyArn=policy["PolicyArn"])
    if _signs_in(iam, name):
        iam.delete_login_profile(UserName=name)
    iam.delete_user(UserName=name)


def _signs_in(iam: Any, name: str) -> bool:
    try:
        iam.get_login_profile(UserName=name)
    except iam.exceptions.NoSuchEntityException:
        return False
    return True
