"""`sagewright quota`: how many instances of a type may be in use, in the account or by one user."""

from __future__ import annotations

from typing import Any, Final

import botocore.exceptions
import click

from sagewright.base.settings import Settings
from sagewright.cli import client
from sagewright.cli.options import server_options
from sagewright.cli.status import make_client
from sagewright.resources.quota import UNLIMITED, code_of

_SERVICE: Final = "sagemaker"
_USER: Final = click.option(
    "--user", metavar="NAME", help="Of one user, or of the ARN of a user or role.  [default: of the whole account]"
)


@click.group("quota")
def command() -> None:
    """Limit how many instances are in use at once.

    A quota is called as AWS calls it: 'ml.m5.large for training job usage'. What is beyond it is refused with
    ResourceLimitExceeded. docs/guide/capacity.md says more.
    """


@command.command("list")
@server_options
def listed(settings: Settings) -> None:
    """List the quotas that are set, and the requests that wait."""
    quotas = make_client(client.connect(settings), "service-quotas")
    pages = quotas.get_paginator("list_service_quotas").paginate(ServiceCode=_SERVICE, QuotaAppliedAtLevel="ALL")
    for each in (quota for page in pages for quota in page["Quotas"]):
        if each["Value"] < UNLIMITED:
            click.echo(f"{each['QuotaName']:<50} {each['Value']:>8.0f}  {_whose(each)}")
    history = quotas.get_paginator("list_requested_service_quota_change_history")
    for page in history.paginate(ServiceCode=_SERVICE, Status="PENDING", QuotaRequestedAtLevel="ALL"):
        for each in page["RequestedQuotas"]:
            click.echo(f"{each['QuotaName']:<50} {each['DesiredValue']:>8.0f}  {_whose(each)}: asked for, waits")


@command.command("set")
@server_options
@click.argument("name")
@click.argument("value", type=click.IntRange(min=0))
@_USER
def set_value(settings: Settings, name: str, value: int, user: str | None) -> None:
    """Allow VALUE instances of quota NAME at once. A request that waits for it is answered."""
    _set(settings, name, float(value), user)
    click.echo(f"{name}: {value} at once from now on. What runs goes on.")


@command.command("unset")
@server_options
@click.argument("name")
@_USER
def unset(settings: Settings, name: str, user: str | None) -> None:
    """Limit quota NAME no more."""
    _set(settings, name, UNLIMITED, user)
    click.echo(f"{name}: as many as there is room for.")


def _set(settings: Settings, name: str, value: float, user: str | None) -> None:
    connection = client.connect(settings)
    request: dict[str, Any] = {"ServiceCode": _SERVICE, "QuotaCode": code_of(name), "DesiredValue": value}
    try:
        if user is not None:
            request["ContextId"] = user if user.startswith("arn:") else _arn(connection, user)
        make_client(connection, "service-quotas").request_service_quota_increase(**request)
    except botocore.exceptions.ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchResourceException":
            raise click.ClickException(
                f"There is no quota {name!r}. They are called 'TYPE for USE usage', where USE is training job, "
                "spot training job, transform job or endpoint: 'ml.m5.large for training job usage'."
            ) from None
        raise click.ClickException(error.response["Error"]["Message"]) from None


def _arn(connection: client.Connection, name: str) -> str:
    return str(make_client(connection, "iam").get_user(UserName=name)["User"]["Arn"])


def _whose(quota: dict[str, Any]) -> str:
    return str(quota.get("QuotaContext", {}).get("ContextId", "account"))
