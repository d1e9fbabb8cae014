"""What runs inside a notebook instance, piece by piece: scripts, cron, commands, kernels, the volume's size."""

from __future__ import annotations

import base64
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sagewright_container.notebook import cron, kernels, local, scripts, volume
from sagewright_container.notebook.settings import COMMANDS, Failed, Repository, Settings

SETTINGS = Settings("lab", "arn:lab", volume_bytes=1 << 30, scripts_arn="arn:config")
NOON = time.strptime("2026-11-30 12:00", "%Y-%m-%d %H:%M")  # a Monday


def test_a_script_runs_as_root_and_its_output_is_kept(tmp_path: Path) -> None:
    content = b'#!/bin/sh\necho "$USER $HOME $PWD"; (sleep 60 >/dev/null 2>&1 &)'
    scripts.run(SETTINGS, "OnStart", content, 20, str(tmp_path))
    assert (tmp_path / "OnStart.log").read_text() == "root /root /\n"


def test_scripts_run_in_order_until_one_fails(tmp_path: Path) -> None:
    made = {"OnCreate": base64.b64encode(b"echo first\nexit 7").decode(), "OnStart": base64.b64encode(b"true").decode()}
    settings = Settings("lab", "arn:lab", volume_bytes=0, scripts=made, scripts_arn="arn:config")
    with pytest.raises(Failed, match=r"'arn:config' for .*'arn:lab' failed: OnCreate ended with exit code 7"):
        scripts.run_all(settings, 20, str(tmp_path))
    assert sorted(os.listdir(tmp_path)) == ["OnCreate", "OnCreate.log"]


def test_a_script_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="took longer than"):
        scripts.run(SETTINGS, "OnStart", b"sleep 600", 0.1, str(tmp_path))


def test_a_script_that_cannot_be_run_says_why(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="No such file"):
        scripts.run(SETTINGS, "OnStart", b"#!/no/such/shell\n", 5, str(tmp_path))


@pytest.mark.parametrize(
    ("line", "runs"),
    [
        ("* * * * * a", True),
        ("*/5 12 * * mon a", True),
        ("0 12 1,30 nov * a", True),
        ("0 12 1 * 1 a", True),
        ("0 12 1 * 2 a", False),
        ("0-10/5 * * * 1-5 a", True),
        ("@hourly a", True),
        ("@daily a", False),
        ("0 12 * * 7 a", False),
        ("61 * * * * a", False),
        ("nonsense", False),
        ("# * * * * * a", False),
    ],
)
def test_cron_runs_what_is_due(line: str, runs: bool) -> None:
    assert cron.due(line, NOON) == (["a"] if runs else [])


def test_cron_knows_assignments_and_the_start() -> None:
    table = "PATH=/a:/b\n* * * * * x\n@reboot y\n"
    assert cron.due(table, NOON) == ["export PATH=/a:/b; x"]
    assert cron.due(table, None) == ["export PATH=/a:/b; y"]


def run(*command: str, user: str = "ec2-user", root: str = "1", said: str = "") -> tuple[int, str]:
    environment = {"PATH": f"{COMMANDS}:/usr/bin:/bin", "USER": user, "HOME": "/", "SAGEWRIGHT_ROOT_ACCESS": root}
    done = subprocess.run(command, env=environment, input=said, capture_output=True, text=True, check=False)
    return done.returncode, (done.stdout + done.stderr).strip()


def test_users_are_names() -> None:
    assert run("whoami") == (0, "ec2-user")
    assert run("sudo", "sh", "-c", 'whoami; id -u; echo "$HOME"') == (0, "root\n0\n/root")
    assert run("sudo", "-u", "ec2-user", "id", "-un", user="root") == (0, "ec2-user")
    assert run("sudo", "-u", "ec2-user", "A=1", "sh", "-c", "echo $A", user="root") == (0, "1")
    assert run("sudo", "chown", "-R", "ec2-user:ec2-user", "/anything") == (0, "")
    assert run("sudo", "-u", "somebody", "true")[0] == 1


def test_without_root_access_nobody_becomes_root() -> None:
    status, said = run("sudo", "true", root="0")
    assert (status, "RootAccess" in said) == (1, True)
    assert run("sudo", "-u", "ec2-user", "whoami", user="root", root="0") == (0, "ec2-user")


def test_a_kernel_sees_through_to_its_environment(tmp_path: Path) -> None:
    base = tmp_path / "base"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(base)], check=True)
    site = next((base / "lib").glob("python*/site-packages"))
    (site / "below.py").write_text("value = 1")
    kernels.kernel("conda_python3", str(base), str(tmp_path / "envs"), str(tmp_path / "specs"))
    python = tmp_path / "envs" / "python3" / "bin" / "python"
    own = next((tmp_path / "envs" / "python3" / "lib").glob("python*/site-packages"))
    code = "import below, sys; print(below.value, sys.prefix)"
    told = [str(python), "-c", code]
    assert subprocess.run(told, capture_output=True, text=True, check=True).stdout.split() == [
        "1",
        str(tmp_path / "envs" / "python3"),
    ]
    (own / "below.py").write_text("value = 2")
    assert subprocess.run(told, capture_output=True, text=True, check=True).stdout.startswith("2")
    assert sorted(os.listdir(tmp_path / "specs")) == ["conda_python3", "python3"]


def test_files_of_several_names_count_once(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x").write_bytes(b"x" * 1_000_000)
    once = volume.size(str(tmp_path))
    assert once >= 1_000_000
    os.link(tmp_path / "a" / "x", tmp_path / "y")
    (tmp_path / "z").symlink_to("/")
    assert volume.size(str(tmp_path)) - once < 100_000


def test_only_connections_of_processes_that_are_seen_are_ours() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        assert local.is_ours(client.getsockname()[1])
    assert not local.is_ours(1)


def test_a_repository_lands_where_git_would_put_it() -> None:
    folders = [Repository(url).folder for url in ("https://h/a/code.git", "https://h/code/", "https://h/..")]
    assert folders == ["code", "code", "repository"]


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_a_login_reads_what_it_is_given() -> None:
    status, said = run("su", "ec2-user", "-c", "whoami", user="root")
    assert (status, said) == (0, "ec2-user")


def test_docker_says_what_it_lacks() -> None:
    code, said = run("docker", "ps")
    assert (code, "sagewright up --engine container --notebook-docker" in said) == (1, True)
