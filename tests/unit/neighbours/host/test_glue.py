"""Glue's tables, of which no writer overwrites what another one wrote."""

from __future__ import annotations

from pathlib import Path

from .test_work import ask, process


def test_a_table_is_updated_only_by_who_has_seen_it(tmp_path: Path) -> None:
    table = {"DatabaseName": "d", "TableInput": {"Name": "t", "Parameters": {"a": "1"}}}
    with process(tmp_path) as stream:
        ask(stream, 1, "glue", "CreateDatabase", DatabaseInput={"Name": "d"})
        ask(stream, 2, "glue", "CreateTable", **table)
        found = ask(stream, 3, "glue", "GetTable", DatabaseName="d", Name="t").result
        assert found is not None
        seen = found["Table"]["VersionId"]
        ask(stream, 4, "glue", "UpdateTable", **table, VersionId=seen, SkipArchive=True)
        late = ask(stream, 5, "glue", "UpdateTable", **table, VersionId=seen)
        assert late.code == "ConcurrentModificationException"
        kept = ask(stream, 6, "glue", "GetTableVersions", DatabaseName="d", TableName="t").result
        assert kept is not None
        assert len(kept["TableVersions"]) == 1
        ask(stream, 7, "glue", "UpdateTable", **table)
        missing = ask(stream, 8, "glue", "UpdateTable", DatabaseName="d", TableInput={"Name": "none"})
        assert missing.code == "EntityNotFoundException"
