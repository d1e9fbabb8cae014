"""Objects into and out of a task's folder, which belongs to code that nobody trusts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sagewright.base.errors import AwsError, Terminal, Transient
from sagewright.controllers import staging

from .conftest import Files


@pytest.fixture
def files() -> Files:
    files = Files()
    for key in ("data/a.csv", "data/deep/b.csv", "data/", "data-2/c.csv", "data"):
        files.held["b", key] = key.encode()
    return files


@pytest.mark.parametrize(
    ("uri", "place"),
    [
        ("s3://b/k", ("b", "k")),
        ("s3://b/a/b/c", ("b", "a/b/c")),
        ("s3://b", ("b", "")),
        ("https://b/k", ("b", "k")),
    ],
)
def test_addresses(uri: str, place: tuple[str, str]) -> None:
    assert staging.split_uri(uri) == place


@pytest.mark.parametrize("uri", ["", "b/k", "s3:///k", "ftp://b/k", "/etc/passwd"])
def test_other_addresses_are_refused_in_words(uri: str) -> None:
    with pytest.raises(Terminal, match="is not an S3 URI"):
        staging.split_uri(uri)


@pytest.mark.parametrize(
    ("key", "prefix", "lands"),
    [
        ("data/a/b.csv", "data", "a/b.csv"),
        ("data/a/b.csv", "data/", "a/b.csv"),
        ("data/b.csv", "data/b.csv", "b.csv"),
        ("data/part-1", "data/part-", "part-1"),
        ("b.csv", "", "b.csv"),
    ],
)
def test_objects_land_below_their_channel(key: str, prefix: str, lands: str) -> None:
    assert staging.relative_to_prefix(key, prefix) == lands


def test_a_prefix_becomes_a_folder(files: Files, tmp_path: Path) -> None:
    assert staging.fetch_prefix(files, "s3://b/data/", tmp_path) == 2
    assert {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.csv")} == {"a.csv", "deep/b.csv"}
    assert staging.fetch_prefix(files, "s3://b/none/", tmp_path) == 0


def test_keys_that_cannot_be_files_are_refused(files: Files, tmp_path: Path) -> None:
    files.held["b", "clash/a"] = files.held["b", "clash/a/b"] = b""
    with pytest.raises(Terminal, match="cannot all be files of one folder"):
        staging.fetch_prefix(files, "s3://b/clash/", tmp_path)
    files.held["b", "up/../../../etc/passwd"] = b""
    with pytest.raises(Terminal, match="cannot be a file below its channel"):
        staging.fetch_prefix(files, "s3://b/up/", tmp_path)


def test_what_is_missing_is_named(files: Files, tmp_path: Path) -> None:
    with pytest.raises(Terminal, match="Could not find the object s3://b/gone"):
        staging.fetch(files, "s3://b/gone", tmp_path / "x")
    with pytest.raises(Terminal, match="Data download failed for s3://gone/x"):
        staging.fetch_prefix(files, "s3://gone/x", tmp_path)


def test_what_a_role_may_not_is_told_in_awss_words(files: Files, tmp_path: Path) -> None:
    def refuse() -> None:
        raise AwsError("AccessDenied", "User: r is not authorized", status=403)

    files.on_read = refuse
    expected = "^ClientError: Data download failed for s3://b/data/a.csv: AccessDenied: User: r is not authorized$"
    with pytest.raises(Terminal, match=expected):
        staging.fetch(files, "s3://b/data/a.csv", tmp_path / "x")
    with pytest.raises(Terminal, match="Data download failed for s3://b/data/: AccessDenied: User: r is not"):
        staging.fetch_prefix(files, "s3://b/data/", tmp_path)


def test_a_store_that_is_away_for_a_moment_fails_no_job(files: Files, tmp_path: Path) -> None:
    def away() -> None:
        raise Transient("The database is away.")

    files.on_read = away
    for question in (staging.fetch, staging.fetch_prefix):
        with pytest.raises(Transient):
            question(files, "s3://b/data/a.csv", tmp_path / "x")


def test_files_are_listed_without_following_links(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    (tmp_path / "b").symlink_to("/etc/passwd")
    (tmp_path / "c").symlink_to("/etc")
    assert [relative for _, relative in staging.files_below(tmp_path)] == ["a"]
    assert staging.has_files(tmp_path)
    (tmp_path / "a").unlink()
    assert not staging.has_files(tmp_path)


def test_text_is_read_only_from_inside(tmp_path: Path) -> None:
    (tmp_path / "failure").write_text("Boom" * 1000)
    assert staging.read_inside(tmp_path, "failure", limit=6) == "BoomBo"
    (tmp_path / "link").symlink_to("/etc/passwd")
    (tmp_path / "here").symlink_to("failure")
    assert staging.read_inside(tmp_path, "link", limit=6) == ""
    assert staging.read_inside(tmp_path, "here", limit=4) == "Boom"
    assert staging.read_inside(tmp_path, "none", limit=6) == ""
    assert staging.read_inside(tmp_path, "", limit=6) == ""
    os.mkfifo(tmp_path / "pipe")
    assert staging.read_inside(tmp_path, "pipe", limit=6) == ""
