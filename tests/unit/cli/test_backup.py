"""Copies of a data folder."""

from __future__ import annotations

import os
import socket
import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sagewright.cli.backup import command
from sagewright.cli.snapshot import Snapshot
from sagewright.store import held
from sagewright.store.sqlite import SqliteStore
from sagewright.testing.store_kit import key, record


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder with one of everything."""
    data = tmp_path / "data"
    for folder in (
        "objects/ab",
        "objects/doubt",
        "registry/ab",
        "registry/uploads",
        "logs/group",
        "keys",
        "tasks/t/ml",
        "runtimes/r",
    ):
        (data / folder).mkdir(parents=True)
    for name in ("objects/ab/abc", "objects/doubt/abd", "registry/ab/abe", "registry/uploads/u", "logs/group/stream",
                 "keys/master.key", "server.lock", "neighbours.lock", "tasks/t/ml/x", "runtimes/r/x"):  # fmt: skip
        (data / name).write_text(name)
    (data / "keys" / "master.key").chmod(0o600)
    SqliteStore(data / "state.db").close()
    return data


def backup(data: Path, target: Path) -> Result:
    return CliRunner().invoke(command, ["--data", str(data), str(target)])


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


def test_all_that_is_kept_is_copied_and_nothing_that_runs(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's path must be short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("data/neighbours.sock")
        done = backup(data, tmp_path / "copy")
    assert done.exit_code == 0, done.output
    assert files(tmp_path / "copy") == {
        "state.db", "objects/ab/abc", "objects/doubt/abd", "registry/ab/abe", "registry/uploads/u",
        "logs/group/stream", "keys/master.key",
    }  # fmt: skip
    assert f"sagewright up --data {tmp_path / 'copy'}" in done.output


def test_it_is_as_private_as_what_it_copies(data: Path, tmp_path: Path) -> None:
    backup(data, tmp_path / "copy")
    assert stat.S_IMODE((tmp_path / "copy").stat().st_mode) == 0o700
    for name in ("state.db", "keys/master.key"):
        assert stat.S_IMODE((tmp_path / "copy" / name).stat().st_mode) == 0o600


def test_objects_share_their_bytes(data: Path, tmp_path: Path) -> None:
    backup(data, tmp_path / "copy")
    for name in ("objects/ab/abc", "registry/ab/abe"):
        assert (tmp_path / "copy" / name).samefile(data / name)
    assert not (tmp_path / "copy/registry/uploads/u").samefile(data / "registry/uploads/u")
    assert not (tmp_path / "copy/keys/master.key").samefile(data / "keys/master.key")


def test_where_there_are_no_links_objects_are_copied(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", _refuse)
    done = backup(data, tmp_path / "copy")
    assert (tmp_path / "copy/objects/ab/abc").read_text() == "objects/ab/abc"
    assert "share" not in done.output


def test_a_blob_that_is_still_written_to_is_copied_once_no_record_can_come_to_name_it(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", _refuse)
    (data / "objects/ab/abd").write_text("hal")
    (tmp_path / "copy").mkdir()
    snapshot = Snapshot(data, tmp_path / "copy", lambda _: None)

    @contextmanager
    def holding() -> Iterator[held.Holding]:
        (data / "objects/ab/abd").write_text("half and half")
        with held.in_sqlite(data / "state.db")() as records:
            yield records

    snapshot.take(holding)
    assert (tmp_path / "copy/objects/ab/abd").read_text() == "half and half"


def _refuse(*_paths: object) -> None:
    raise OSError("cross-device link")


@pytest.mark.parametrize("name", ["there", "missing/copy", "data/copy"])
def test_it_overwrites_nothing_and_leaves_nothing_half_done(data: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "there").mkdir()
    before = files(tmp_path)
    done = backup(data, tmp_path / name)
    assert done.exit_code == 1
    assert files(tmp_path) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "there"]


def test_a_copy_that_fails_leaves_nothing(data: Path, tmp_path: Path) -> None:
    (data / "broken.db").write_bytes(b"SQLite format 3\0" + b"noise" * 1000)
    done = backup(data, tmp_path / "copy")
    assert done.exit_code == 1
    assert "Nothing was copied" in done.output
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_what_is_in_the_log_of_a_database_is_copied(data: Path, tmp_path: Path) -> None:
    store = SqliteStore(data / "state.db")
    created = store.create(record("a"))
    backup(data, tmp_path / "copy")
    store.close()
    copy = SqliteStore(tmp_path / "copy" / "state.db")
    assert copy.get(key("a")) == created
    copy.close()


def test_writers_wait_while_the_moment_is_taken_and_no_longer(data: Path, tmp_path: Path) -> None:
    store = SqliteStore(data / "state.db")
    store.create(record("before"))
    written = threading.Event()

    def write() -> None:
        store.create(record("after"))
        written.set()

    writer = threading.Thread(target=write)
    real = held.in_sqlite(data / "state.db")

    @contextmanager
    def watched() -> Iterator[held.Holding]:
        with real() as holding:
            writer.start()
            assert not written.wait(0.05)

            def release() -> None:
                holding.release()
                assert written.wait(60)

            yield held.Holding(release)

    (tmp_path / "copy").mkdir()
    Snapshot(data, tmp_path / "copy", lambda _: None).take(watched)
    writer.join()
    store.close()
    rows = sqlite3.connect(tmp_path / "copy" / "state.db")
    assert rows.execute("SELECT name FROM records").fetchall() == [("before",)]
    rows.close()
