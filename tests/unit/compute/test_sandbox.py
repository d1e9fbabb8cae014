"""What a sandbox is built from, and that an ordinary user has one too."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import sagewright
from sagewright.compute import sandbox
from sagewright.compute.base import Task

SYSTEM_PYTHON = Path("/usr/bin/python3")


def environment(folder: Path, home: Path, *, extends: Path | None = None) -> Path:
    """A virtual environment as far as its links and its configuration go."""
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").symlink_to(home / "python3.11")
    lines = [f"home = {home}", *([f"extends-environment = {extends}"] if extends else [])]
    (folder / "pyvenv.cfg").write_text("\n".join(lines) + "\n")
    return folder


def installation(folder: Path) -> Path:
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python3.11").touch()
    return folder / "bin"


def test_an_environment_needs_itself_and_its_installation(tmp_path: Path) -> None:
    made = environment(tmp_path / "venv", installation(tmp_path / "pyenv" / "3.11.7"))
    assert sandbox.python_folders(made) == [made, tmp_path / "pyenv" / "3.11.7"]


def test_aliases_of_an_installation_are_shown_too(tmp_path: Path) -> None:
    installation(tmp_path / "cpython-3.11.7")
    (tmp_path / "cpython-3.11").symlink_to("cpython-3.11.7")
    made = environment(tmp_path / "venv", tmp_path / "cpython-3.11" / "bin")
    assert set(sandbox.python_folders(made)) == {
        made,
        tmp_path / "cpython-3.11",
        tmp_path / "cpython-3.11.7",
    }


def test_a_layer_needs_what_it_lies_on(tmp_path: Path) -> None:
    base = environment(tmp_path / "base", Path("/usr/bin"))
    made = environment(tmp_path / "layer", Path("/usr/bin"), extends=base)
    assert sandbox.python_folders(made) == [made, base]
    path = sandbox.environment(Task("t", ["x"], python=made), None)["PATH"]
    assert path.startswith(f"{made}/bin:{base}/bin:")


def test_a_home_is_never_shown_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    home = tmp_path / "home"
    made = environment(tmp_path / "venv", installation(home))
    assert sandbox.python_folders(made) == [made]


def test_sdks_in_a_task_ask_nobody_else(tmp_path: Path) -> None:
    out = sandbox.environment(Task("t", ["x"]), tmp_path, pythonpath="/toolkit")
    assert out["BOTOCORE_EXPERIMENTAL__PLUGINS"] == "sagewright=sagewright_container.client_plugin.sagewright_botocore"
    assert out["SAGEMAKER_ADMIN_CONFIG_OVERRIDE"] == "/toolkit/sagewright_container/client_plugin/sagemaker-config.yaml"
    own = Task("t", ["x"], environment={"SAGEMAKER_ADMIN_CONFIG_OVERRIDE": "/mine"})
    assert sandbox.environment(own, tmp_path)["SAGEMAKER_ADMIN_CONFIG_OVERRIDE"] == "/mine"


def test_threads_soon_sleep_unless_the_task_says_otherwise() -> None:
    assert sandbox.environment(Task("t", ["x"]), None)["GOMP_SPINCOUNT"] == "1000"
    own = Task("t", ["x"], environment={"GOMP_SPINCOUNT": "7"})
    assert sandbox.environment(own, None)["GOMP_SPINCOUNT"] == "7"


def test_the_tasks_own_environment_wins_but_its_python_stays_first(tmp_path: Path) -> None:
    made = environment(tmp_path / "venv", Path("/usr/bin"))
    own = {"HOME": "/elsewhere", "PATH": "/mine", "PYTHONPATH": "/opt/ml/code"}
    out = sandbox.environment(Task("t", ["x"], environment=own, python=made), tmp_path)
    assert out["HOME"] == "/elsewhere"
    assert out["PATH"] == f"{made}/bin:{sandbox.TOOLKIT}/sagewright_container/bin:/mine"
    assert out["PYTHONPATH"] == f"/opt/ml/code:{sandbox.TOOLKIT}"
    assert out["VIRTUAL_ENV"] == str(made)


@pytest.fixture
def _asked_anew() -> Iterator[None]:
    sandbox.available.cache_clear()
    yield
    sandbox.available.cache_clear()


@pytest.mark.usefixtures("_asked_anew")
def test_why_there_is_no_sandbox_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "program", lambda: None)
    assert sandbox.available() == (
        "Tasks run without a sandbox: bubblewrap is not installed (`apt install bubblewrap`)."
    )
    sandbox.available.cache_clear()
    monkeypatch.setattr(sandbox, "program", lambda: "/bin/false")
    assert sandbox.available() == ("Tasks run without a sandbox: bubblewrap does not work here (exit code 1).")


USERS = """
import os, sys, tempfile, threading
from pathlib import Path
from sagewright.base.clock import SystemClock
from sagewright.compute.base import Task
from sagewright.compute.process import ProcessEngine

folder = Path(tempfile.mkdtemp())
(folder / "ml").mkdir()
engine = ProcessEngine(folder / "tasks", SystemClock(), "on")
# An archive of somebody else's files unpacks: a root without powers would fail on their owners.
script = '''
id -u; grep CapEff /proc/self/status; hostname; cat /proc/net/dev | grep -c :
tar c --owner=77 -C /etc hosts | tar x -C /opt/ml && echo unpacked; exit 3
'''
task = Task("t", ["sh", "-c", script], folder=folder / "ml", network="none", hostname="algo-1")
engine.start(task)
done = threading.Event()
engine.watch("t", done.set)
assert done.wait(60)
print(os.getuid(), engine.inspect("t").exit_code, *[line.message for line in engine.logs("t", offset=0)])
engine.destroy("t")
engine.close()
"""


def test_an_ordinary_user_has_a_sandbox_too(tmp_path: Path) -> None:
    source = Path(sagewright.__file__).parents[1]
    become: list[str] = []
    python = Path(sys.executable)
    if os.getuid() == 0:
        become, python = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"], SYSTEM_PYTHON
    ask = "import sys, sagewright; sys.exit(sys.version_info < (3, 11))"
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(source), "PYTHONDONTWRITEBYTECODE": "1", "HOME": "/tmp"}
    try:
        able = subprocess.run([*become, python, "-c", ask], env=environ, capture_output=True, check=False)
    except OSError as problem:
        pytest.skip(f"nobody else can be become here: {problem}")
    if able.returncode or sandbox.available():
        pytest.skip("an ordinary user finds no Python 3.11 that sees this source, or there is no bubblewrap")
    done = subprocess.run(
        [*become, python, "-c", USERS], env=environ, capture_output=True, text=True, check=False, cwd="/tmp"
    )
    uid = 65534 if os.getuid() == 0 else os.getuid()
    expected = f"{uid} 3 1000 CapEff:\t0000000000000000 algo-1 1 unpacked"
    assert done.stdout.strip() == expected, done.stderr
