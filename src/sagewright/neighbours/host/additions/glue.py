"""Glue's UpdateTable for those who must not overwrite each other: Iceberg's writers."""

from __future__ import annotations

from typing import Any

from sagewright.base.errors import AwsError
from sagewright.neighbours.host import moto_call
from sagewright.neighbours.host.additions import Place

Params = dict[str, Any]


def update_table(place: Place, params: Params) -> Params:
    """As moto does it; but not where VersionId is another one than the table's, and with SkipArchive the version before
    is not kept. ConcurrentModificationException."""
    database = place.backend("glue").databases.get(params["DatabaseName"])
    table = None if database is None else database.tables.get(params["TableInput"]["Name"])
    before = None if table is None else str(table.as_dict()["VersionId"])
    if before is not None and params.get("VersionId", before) != before:
        raise AwsError(
            "ConcurrentModificationException",
            f"Update table failed due to concurrent modifications: the table has version {before}. Read it again.",
        )
    answer = moto_call.call("glue", "UpdateTable", params, place.account, place.region)
    if table is not None and params.get("SkipArchive"):
        table.delete_version(before)
    return answer
