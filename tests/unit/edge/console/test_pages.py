"""The files of the console, without a build."""

from pathlib import Path

import pytest

from sagewright.base.errors import AwsError
from sagewright.edge.console import pages
from sagewright.wire.http import Request


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(pages, "BUILT", tmp_path)
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "a-1.js").write_text("plain")
    (tmp_path / "assets" / "a-1.js.br").write_text("smaller")
    (tmp_path / "secret.js").write_text("no")
    return tmp_path


def test_files_come_compressed_to_who_reads_that(built: Path) -> None:
    plain = pages.asset(Request("GET", "/"), "a-1.js")
    assert (plain.body, plain.headers["content-type"]) == (b"plain", "text/javascript; charset=utf-8")
    assert "immutable" in plain.headers["cache-control"]
    small = pages.asset(Request("GET", "/", "", {"accept-encoding": "gzip, br;q=1"}), "a-1.js")
    assert (small.body, small.headers["content-encoding"]) == (b"smaller", "br")


@pytest.mark.parametrize("name", ["../secret.js", "a-1.js.br", "none.js", "", "%2e%2e/secret.js"])
def test_nothing_else_comes(built: Path, name: str) -> None:
    with pytest.raises(AwsError, match="has no file"):
        pages.asset(Request("GET", "/"), name)


def test_the_page_allows_no_script_of_elsewhere(built: Path) -> None:
    assert pages.page(Request("GET", "/")) is None
    (built / "index.html").write_text("<!doctype html>")
    page = pages.page(Request("GET", "/"))
    assert page is not None
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
