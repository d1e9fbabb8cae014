"""`sagewright cost`: what was used here, and what AWS would have charged for it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import click

from sagewright.base.settings import Settings
from sagewright.cli import client
from sagewright.cli.options import server_options
from sagewright.cli.status import make_client
from sagewright.compute import instances

_KINDS: Final = {"Train": "training", "Train-WarmPool": "warm pools", "Tsform": "transform", "Host": "endpoints"}
_Group = dict[str, str]


@dataclass(slots=True)
class Row:
    """What one group of uses comes to."""

    name: str
    hours: float = 0.0
    usd: float = 0.0
    """At AWS's prices, Spot instances at theirs."""
    saved: float = 0.0
    """What Spot instances cost less than others, in USD."""


@click.command("cost")
@server_options
@click.option("--by", default="kind", show_default=True, metavar="WHAT",
              help="kind, user, name, instance-type, day, region, or tag:KEY.")  # fmt: skip
@click.option("--since", metavar="TIME", help="YYYY-MM-DD, or as many days as 7d.  [default: this month]")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def command(settings: Settings, by: str, since: str | None, as_json: bool) -> None:
    """What instances were used, and what AWS would have charged.

    Running things count up to now. The same is told by Cost Explorer's API (boto3's `ce`), and what was deleted is
    told too. Prices are those of us-east-1, approximately.
    """
    now = datetime.now(UTC)
    group, spelled = _grouping(by)
    period = {"Start": _since(since, now), "End": f"{now.date() + timedelta(days=1)}"}
    found = _rows(make_client(client.connect(settings), "ce"), period, group, spelled)
    rows = sorted(found.values(), key=(lambda row: row.name) if by == "day" else (lambda row: (-row.usd, row.name)))
    total = Row("total", *(sum(getattr(row, part) for row in rows) for part in ("hours", "usd", "saved")))
    if as_json:
        told = {"since": period["Start"], "by": by, "rows": [asdict(row) for row in rows], "total": asdict(total)}
        click.echo(json.dumps(told, indent=2))
        return
    _print(rows, total, by, period["Start"])


def _rows(ce: Any, period: Mapping[str, str], group: Sequence[_Group], spelled: Callable[[str], str]) -> dict[str, Row]:
    """What Cost Explorer says, by what it is grouped by."""
    share = instances.spot_share()
    rows: dict[str, Row] = {}
    request: dict[str, Any] = {
        "TimePeriod": period,
        "Granularity": "DAILY",
        "Metrics": ["UnblendedCost", "UsageQuantity"],
        "GroupBy": [*group, {"Type": "DIMENSION", "Key": "PURCHASE_TYPE"}],
        "Filter": {"Dimensions": {"Key": "SERVICE", "Values": ["Amazon SageMaker"]}},
    }
    while True:
        answer = ce.get_cost_and_usage_with_resources(**request)
        for result in answer["ResultsByTime"]:
            for each in result["Groups"]:
                name = spelled(each["Keys"][0]) if group else result["TimePeriod"]["Start"]
                row = rows.setdefault(name, Row(name))
                usd = float(each["Metrics"]["UnblendedCost"]["Amount"])
                row.hours += float(each["Metrics"]["UsageQuantity"]["Amount"])
                row.usd += usd
                if each["Keys"][-1].startswith("Spot"):
                    row.saved += usd / share - usd
        if "NextPageToken" not in answer:
            return rows
        request["NextPageToken"] = answer["NextPageToken"]


def _grouping(by: str) -> tuple[Sequence[_Group], Callable[[str], str]]:
    """How Cost Explorer calls it, and how we call what it answers."""
    if by == "day":
        return (), str
    if by == "kind":
        return [_dimension("USAGE_TYPE")], _kind
    if by == "name":
        return [_dimension("RESOURCE_ID")], lambda arn: arn.partition(":sagemaker:")[2].split(":", 2)[-1] or arn
    if by in ("instance-type", "region"):
        return [_dimension(by.replace("-", "_").upper())], str
    if by == "user":
        return [{"Type": "TAG", "Key": "aws:createdBy"}], lambda key: key.partition("$")[2] or "(not known)"
    if by.startswith("tag:") and by[4:]:
        return [{"Type": "TAG", "Key": by[4:]}], lambda key: key.partition("$")[2] or "(without)"
    raise click.ClickException(f"--by {by} is not known: say kind, user, name, instance-type, day, region or tag:KEY.")


def _dimension(key: str) -> _Group:
    return {"Type": "DIMENSION", "Key": key}


def _kind(usage_type: str) -> str:
    """`training` of `USE1-Train-Spot:ml.m5.large`."""
    spelled = usage_type.partition(":")[0].partition("-")[2].removesuffix("-Spot")
    return _KINDS.get(spelled, spelled.lower())


def _since(text: str | None, now: datetime) -> str:
    """A day. Raises ClickException."""
    if text is None:
        return f"{now.date().replace(day=1)}"
    if days := re.fullmatch(r"(\d{1,3})d", text):
        return f"{now.date() - timedelta(days=int(days[1]))}"
    try:
        return f"{datetime.strptime(text, '%Y-%m-%d').replace(tzinfo=UTC).date()}"
    except ValueError:
        raise click.ClickException(f"--since {text} is no day: write 2026-11-29, or 7d for the last seven.") from None


def _print(rows: Sequence[Row], total: Row, by: str, since: str) -> None:
    width = max((len(row.name) for row in (*rows, total)), default=0)
    click.secho(f"{by:<{width}}  {'instance hours':>14}  {'USD':>12}  {'saved by Spot':>14}", bold=True)
    for row in (*rows, total):
        click.echo(f"{row.name:<{width}}  {row.hours:>14.4f}  {row.usd:>12.4f}  {row.saved:>14.4f}")
    click.echo(f"\nSince {since}, AWS would have charged about {total.usd:.2f} USD.")
