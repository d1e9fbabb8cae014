"""Environments from wheels made here, so that no index is asked."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest

from sagewright.base.errors import Terminal
from sagewright.compute import venvs
from sagewright.compute.venvs import Environments, uv_environment

ASK = "import {0}; print({0}.VERSION)"


def wheel(folder: Path, name: str, version: str, *, needs: str = "") -> None:
    """A package of one module that knows its version."""
    info = f"{name}-{version}.dist-info"
    requires = f"Requires-Dist: {needs}\n" if needs else ""
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as file:
        file.writestr(f"{name}.py", f"VERSION = {version!r}\n")
        file.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}")
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    for name, version, needs in (
        ("swone", "1.0", ""),
        ("swone", "2.0", ""),
        ("swtwo", "1.0", "swone>=1"),
        ("swthree", "1.0", "swone>=2"),
    ):
        wheel(folder, name, version, needs=needs)
    return folder


@pytest.fixture(scope="module")
def environ(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    cache = str(tmp_path_factory.mktemp("cache"))
    return {"PATH": os.environ["PATH"], "PIP_FIND_LINKS": str(wheels), "PIP_NO_INDEX": "1", "UV_CACHE_DIR": cache}


@pytest.fixture(scope="module")
def made(environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Environments:
    """Environments with one, called base, that holds swone 1.0."""
    folder = tmp_path_factory.mktemp("environments")
    (folder / "base.txt").write_text("swone==1.0\n")
    return Environments(folder / "made", folder, environ=environ)


@pytest.fixture(scope="module")
def base(made: Environments) -> Path:
    return made.ensure("base", lambda line: None)


def says(environment: Path, module: str) -> str:
    done = subprocess.run(
        [environment / "bin" / "python", "-I", "-c", ASK.format(module)], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def layer(made: Environments, base: Path, folder: Path, text: str) -> tuple[Path, list[str]]:
    (folder / "requirements.txt").write_text(text)
    said: list[str] = []
    return made.layer(base, folder / "requirements.txt", said.append), said


def test_an_environment_is_made_once_and_compiled(made: Environments, base: Path) -> None:
    said: list[str] = []
    assert made.ensure("base", said.append) == base == made.ready("base")
    assert said == []
    assert says(base, "swone") == "1.0"
    assert list(base.rglob("__pycache__/swone.*.pyc"))


def test_another_lock_is_another_environment(made: Environments, environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "base.txt").write_text("swone==2.0\n")
    other = Environments(tmp_path / "made", tmp_path, environ=environ)
    assert other.ready("base") is None
    first = other.ensure("base", lambda line: None)
    (tmp_path / "base.txt").write_text("swone==1.0\n")
    assert other.ready("base") is None
    assert says(first, "swone") == "2.0"


def test_an_environment_stands_on_another(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "low.txt").write_text("swone==1.0\nswtwo==1.0\n")
    (tmp_path / "high.txt").write_text("# over low\nswone==2.0\nswtwo==1.0\n    # via swone\n")
    (tmp_path / "high.on").write_text("low\n")
    environments = Environments(tmp_path / "made", tmp_path, environ=environ)
    high = environments.ensure("high", lambda line: None)
    low = environments.ready("low")
    assert low is not None
    assert [says(each, "swone") for each in (low, high)] == ["1.0", "2.0"]
    assert says(high, "swtwo") == "1.0"
    assert not list(high.rglob("swtwo.py"))
    above, _ = layer(environments, high, tmp_path, "swthree==1.0\n")
    assert [says(above, name) for name in ("swone", "swtwo", "swthree")] == ["2.0", "1.0", "1.0"]
    # What is below belongs to it.
    (tmp_path / "low.txt").write_text("swone==1.0\nswtwo==1.0  # again\n")
    assert environments.ready("high") is None


def test_a_build_satisfies_its_version() -> None:
    assert venvs._is_held("swone==1.0", {"swone": "1.0+cpu"})
    assert venvs._is_held("swone==1.0+cpu ; python_version > '3'", {"swone": "1.0+cpu"})
    assert not venvs._is_held("swone==1.0+cpu", {"swone": "1.0"})
    assert not venvs._is_held("swone==1.0", {"swone": "1.1+cpu"})


def test_an_unknown_name_is_answered_with_the_known(made: Environments) -> None:
    with pytest.raises(Terminal, match=r"no environment called 'nope'\. There are: base"):
        made.ensure("nope", lambda line: None)


def test_what_a_crash_left_is_made_anew(made: Environments, environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "base.txt").write_text("swone==1.0\n")
    environments = Environments(tmp_path / "made", tmp_path, environ=environ)
    path = environments.ensure("base", lambda line: None)
    (path / ".ready").unlink()
    (path / "junk").touch()
    assert environments.ensure("base", lambda line: None) == path
    assert not (path / "junk").exists()
    assert says(path, "swone") == "1.0"


def test_many_who_want_it_at_once_make_it_once(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "base.txt").write_text("swone==1.0\n")
    source = (
        "import sys, threading; from pathlib import Path; from sagewright.compute.venvs import Environments\n"
        f"environments = Environments(Path({str(tmp_path / 'made')!r}), Path({str(tmp_path)!r}))\n"
        "work = lambda: environments.ensure('base', lambda line: print(line, flush=True))\n"
        "threads = [threading.Thread(target=work) for _ in range(3)]\n"
        "[each.start() for each in threads]; [each.join() for each in threads]; print('finished')"
    )
    command = [sys.executable, "-c", source]
    processes = [
        subprocess.Popen(command, env={**os.environ, **environ}, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    said = "".join(process.communicate(timeout=60)[0] for process in processes)
    assert said.count("Making the Python environment") == 1
    assert said.count("\nfinished") == 2


def test_who_waits_says_so(made: Environments, environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "base.txt").write_text("swone==1.0\n")
    environments = Environments(tmp_path / "made", tmp_path, environ=environ)
    path = environments._place("base")
    path.parent.mkdir()
    said: list[str] = []
    waits = threading.Event()

    def log(line: str) -> None:
        said.append(line)
        waits.set()

    with (path.parent / f"{path.name}.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        thread = threading.Thread(target=environments.ensure, args=("base", log))
        thread.start()
        assert waits.wait(60)
        assert "Waiting" in said[0]
        assert not path.exists()
    thread.join()
    assert path.exists()


def test_a_layer_holds_only_what_the_base_lacks(made: Environments, base: Path, tmp_path: Path) -> None:
    path, said = layer(made, base, tmp_path, "swone\nswtwo\n")
    assert [each.name for each in path.rglob("sw*.py")] == ["swtwo.py"]
    assert (says(path, "swone"), says(path, "swtwo")) == ("1.0", "1.0")
    assert any("swtwo" in line for line in said)
    again, said = layer(made, base, tmp_path, "swone\nswtwo\n")
    assert (again, said) == (path, [])


def test_a_layers_own_versions_hide_the_bases(made: Environments, base: Path, tmp_path: Path) -> None:
    path, _ = layer(made, base, tmp_path, "swthree==1.0\n")
    assert says(path, "swone") == "2.0"
    assert says(base, "swone") == "1.0"


def test_a_layer_may_lie_on_a_layer(made: Environments, base: Path, tmp_path: Path) -> None:
    lower, _ = layer(made, base, tmp_path, "swthree\n")
    upper, _ = layer(made, lower, tmp_path, "swone>=2\nswtwo\n")
    assert [each.name for each in upper.rglob("sw*.py")] == ["swtwo.py"]
    assert says(upper, "swone") == "2.0"


def test_commands_of_the_base_run_with_what_lies_on_top(made: Environments, base: Path, tmp_path: Path) -> None:
    command = base / "bin" / "sw-command"
    command.write_text(f"#!{base}/bin/python\nimport sys, swtwo\nprint(sys.prefix, sys.argv[1:])\n")
    command.chmod(0o755)
    lower, _ = layer(made, base, tmp_path, "swtwo\n")
    for top in (lower, made.fork(lower, tmp_path / "fork")):
        done = subprocess.run([top / "bin" / command.name, "a b"], capture_output=True, text=True, check=False)
        assert done.stdout == f"{top} ['a b']\n", done.stderr


def test_satisfied_requirements_install_nothing(made: Environments, base: Path, tmp_path: Path) -> None:
    path, said = layer(made, base, tmp_path, "# nothing new\n\nswone>=1\n")
    assert list(path.rglob("sw*.py")) == []
    assert said[-1] == "requirements.txt is satisfied."


def test_for_versions_that_are_there_nobody_is_asked(made: Environments, base: Path, tmp_path: Path) -> None:
    _, said = layer(made, base, tmp_path, "# as it is\nswone==1.0\n")
    assert said == [f"Installing requirements.txt on top of {base.name}."]


def test_what_cannot_be_had_is_named(made: Environments, base: Path, tmp_path: Path) -> None:
    for _ in range(2):  # a failure leaves nothing that counts as made
        with pytest.raises(Terminal, match="swnope"):
            layer(made, base, tmp_path, "swone\nswnope==7\n")


def test_requirements_that_name_other_files_are_not_shared(made: Environments, base: Path, tmp_path: Path) -> None:
    paths = []
    for name, version in (("a", "1.0"), ("b", "2.0")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "more.txt").write_text(f"swone=={version}\n")
        path, _ = layer(made, base, tmp_path / name, "-r more.txt\n")
        paths.append(path)
        assert says(path, "swone") == version
    assert paths[0] != paths[1]


def test_pips_settings_are_told_to_uv() -> None:
    pip = {
        "PIP_INDEX_URL": "https://one/simple",
        "PIP_EXTRA_INDEX_URL": "https://two/simple\nhttps://three/simple",
        "PIP_FIND_LINKS": "/a /b",
        "PIP_CERT": "/ca.pem",
    }
    out = uv_environment(pip)
    assert out["UV_DEFAULT_INDEX"] == "https://one/simple"
    assert out["UV_INDEX"] == "https://two/simple https://three/simple"
    assert out["UV_FIND_LINKS"] == "/a,/b"
    assert out["SSL_CERT_FILE"] == "/ca.pem"


def test_uvs_own_settings_win() -> None:
    out = uv_environment({"PIP_INDEX_URL": "https://pip", "UV_INDEX_URL": "https://uv", "VIRTUAL_ENV": "/x"})
    assert "UV_DEFAULT_INDEX" not in out
    assert out["UV_INDEX_URL"] == "https://uv"
    assert "VIRTUAL_ENV" not in out
