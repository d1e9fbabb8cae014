"""The command line: what it prints, and what it says when something is missing."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from sagewright.cli import client, env
from sagewright.cli.main import main

ROOT = Path(__file__).parents[3]
CONNECTION = client.Connection("http://127.0.0.1:4700", "us-east-1", "ASIAKEY", "se'cret", "token")


@pytest.fixture
def nobody() -> Iterator[str]:
    """A port that nobody listens on."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield str(held.getsockname()[1])


def test_every_command_says_what_it_is_for() -> None:
    listed = CliRunner().invoke(main, ["--help"])
    assert listed.exit_code == 0
    for name in ("up", "env", "demo", "status", "doctor"):
        assert f"\n  {name} " in listed.output
        told = CliRunner().invoke(main, [name, "--help"])
        assert told.exit_code == 0
        assert "--port" in told.output
        assert "SAGEWRIGHT_DATA" in told.output


@pytest.mark.parametrize("name", ["env", "status"])
def test_without_a_server_the_next_step_is_named(name: str, nobody: str, tmp_path: Path) -> None:
    told = CliRunner().invoke(main, [name, "--port", nobody, "--data", str(tmp_path)])
    assert told.exit_code == 1
    assert "sagewright up" in told.output


def test_a_stranger_on_the_port_is_noticed(tmp_path: Path) -> None:
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        stranger.settimeout(60)
        port = stranger.getsockname()[1]
        process = subprocess.Popen(
            [str(ROOT / ".venv/bin/sagewright"), "env", "--port", str(port), "--data", str(tmp_path)],
            stderr=subprocess.PIPE,
            text=True,
        )
        connection, _ = stranger.accept()
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        connection.close()
        _, told = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "Choose another --port" in told


def test_the_shell_gets_back_what_was_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "connect", lambda settings: CONNECTION)
    printed = CliRunner().invoke(main, ["env"]).output
    script = f'PYTHONPATH=/mine; {printed}\necho "$AWS_SECRET_ACCESS_KEY $PYTHONPATH"'
    assert _sh(script) == f"se'cret {env.PLUGIN_FOLDER}:/mine\n"


def test_unset_undoes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "connect", lambda settings: CONNECTION)
    done = CliRunner().invoke(main, ["env"]).output
    undone = CliRunner().invoke(main, ["env", "--unset"]).output
    names = " ".join(env.variables(CONNECTION))
    show = f'for name in {names}; do eval "echo \\"\\${{$name-unset}}\\""; done'
    assert set(_sh(f"unset PYTHONPATH; {done}\n{undone}\n{show}").split()) == {"unset"}
    assert _sh(f'PYTHONPATH=/mine; {done}\n{undone}\necho "$PYTHONPATH"') == "/mine\n"


def test_done_twice_it_stands_there_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "connect", lambda settings: CONNECTION)
    printed = CliRunner().invoke(main, ["env"]).output
    assert _sh(f'PYTHONPATH=/mine; {printed}\n{printed}\necho "$PYTHONPATH"') == f"{env.PLUGIN_FOLDER}:/mine\n"


def test_what_gets_in_the_way_is_put_aside() -> None:
    assert list(env.around({}, "127.0.0.1")) == []
    assert list(env.around({"AWS_PROFILE": "work"}, "127.0.0.1")) == ["unset AWS_PROFILE"]
    lines = list(env.around({"http_proxy": "http://p:1", "no_proxy": "intranet"}, "127.0.0.1"))
    assert lines == ["export NO_PROXY=intranet,127.0.0.1", "export no_proxy=intranet,127.0.0.1"]


def test_the_guide_names_every_variable() -> None:
    guide = (ROOT / "docs/guide/env.md").read_text()
    assert [name for name in env.variables(CONNECTION) if f"`{name}`" not in guide] == []


def _sh(script: str) -> str:
    return subprocess.run(["sh", "-c", script], check=True, capture_output=True, text=True).stdout
