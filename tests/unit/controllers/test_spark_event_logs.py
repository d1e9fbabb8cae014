"""Event logs in a folder as Spark's history server reads them."""

from __future__ import annotations

from pathlib import Path

import pytest

from sagewright.base.errors import Terminal
from sagewright.controllers import spark_event_logs
from sagewright.controllers.spark_event_logs import EventLogs

from .conftest import Files


@pytest.fixture
def files() -> Files:
    made = Files()
    for key in ("app-1", "app-2.inprogress", "eventlog_v2_app-3/events_1_app-3", "eventlog_v2_app-3/appstatus_app-3"):
        made.held["b", f"logs/{key}"] = key.encode()
    return made


def shown(files: Files, root: Path, uri: str = "s3://b/logs") -> dict[str, str]:
    """What the history server finds, after another look at S3."""
    logs = EventLogs(files, uri, root)
    logs.follow()
    found = (path for path in logs.shown.rglob("*") if path.is_file())
    return {path.relative_to(logs.shown).as_posix(): path.read_text() for path in found}


def test_logs_are_shown_and_what_lies_beside_them_is_not(files: Files, tmp_path: Path) -> None:
    for key in ("app-1.inprogress", ".app-1.crc", "deeper/app-4", "", "eventlog_v2_app-5", "eventlog_v2_a/b/c", "_x"):
        files.held["b", f"logs/{key}"] = b"no"
    files.held["b", "logs-of-others"] = b"no"
    names = ("app-1", "app-2.inprogress", "eventlog_v2_app-3/events_1_app-3", "eventlog_v2_app-3/appstatus_app-3")
    assert shown(files, tmp_path) == {name: name for name in names}


def test_what_grows_ends_or_goes_is_followed(files: Files, tmp_path: Path) -> None:
    shown(files, tmp_path)
    files.held["b", "logs/app-1"] += b" and more"
    files.held["b", "logs/app-2"] = b"whole"
    del files.held["b", "logs/eventlog_v2_app-3/appstatus_app-3"]
    found = shown(files, tmp_path)
    assert found == {
        "app-1": "app-1 and more",
        "app-2": "whole",
        "eventlog_v2_app-3/events_1_app-3": "eventlog_v2_app-3/events_1_app-3",
    }
    before = (tmp_path / "logs/app-1").stat().st_ino
    assert (shown(files, tmp_path), (tmp_path / "logs/app-1").stat().st_ino) == (found, before)


def test_a_whole_bucket_may_be_logs(files: Files, tmp_path: Path) -> None:
    files.held = {("b", "app-1"): b"x"}
    assert shown(files, tmp_path, "s3://b") == {"app-1": "x"}


def test_so_many_that_nobody_means_them_are_refused(
    files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spark_event_logs, "MOST", 3)
    with pytest.raises(Terminal, match="more than 3 event logs below s3://b/logs"):
        shown(files, tmp_path)
