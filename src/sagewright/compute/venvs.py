"""Python environments for runtimes, made once with uv and kept: `<folder>/<name>-<hash>`.

An environment is made in its place, because it holds its own path. `<name>-<hash>.lock` is held meanwhile, by one
thread of one process and the uv it runs; `.ready` inside is written last, so what lacks it was left by a crash and is
made anew.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.metadata
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import venv
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sagewright.base.errors import Terminal
from sagewright.compute.sandbox import layers, read_config

Log = Callable[[str], None]
"""Called with one line of progress, without newline, from the calling thread."""

Recipe = Mapping[str, Any]
"""How an environment is made: `name` of a lock file, or `requirements` (their text) on top of a `base`, a recipe."""

_REQUIREMENTS: Final = "requirements.txt"
"""Where a layer keeps what it was made from."""
_TAIL = 15
"""Lines of uv's that end up in an error."""
_HERMETIC = re.compile(r"\s*(#.*)?$|[A-Za-z0-9][^@]*$")
"""Lines of a requirements.txt that mean the same wherever the file lies."""


class _Thin(venv.EnvBuilder):
    """Without the scripts that activate it in a shell: tasks find it on their PATH."""

    def setup_scripts(self, context: object) -> None:
        pass


class _UvFailed(Exception):
    """uv's last words."""


_INDEX: Final = (
    *("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"),
    *("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "NO_PROXY", "no_proxy"),
)
LOCKS: Final = Path(__file__).with_name("environments")
"""The lock files of the runtimes that ship with Sagewright."""


class Environments:
    """Makes environments and finds them again. Any thread, any number of server processes."""

    def __init__(
        self, folder: Path, environments_dir: Path = LOCKS, *, environ: Mapping[str, str] | None = None
    ) -> None:
        """`folder` is where they are kept; `environments_dir` holds the lock files, `<name>.txt`; `environ` is the
        environment whose index settings (UV_*, PIP_INDEX_URL, …) are followed: the server's own by default."""
        self._folder = folder.absolute()
        self._locks = environments_dir.absolute()
        environ = os.environ if environ is None else environ
        self._environ = uv_environment(environ)
        self.index = {name: environ[name] for name in _INDEX if name in environ}
        """Where pip finds packages and whom it trusts, for tasks that install by themselves."""
        # uv has no variable for it.
        self._options = ["--no-index"] if self._environ.get("PIP_NO_INDEX", "0") not in ("", "0", "false") else []

    def ready(self, name: str) -> Path | None:
        """The environment if it is made already; never makes it. Raises Terminal for an unknown name."""
        path = self._place(name)
        return path if (path / ".ready").exists() else None

    def ensure(self, name: str, log: Log) -> Path:
        """The environment of the lock file `name`, made now if need be (minutes, the first time).

        Raises Terminal, with uv's words, if there is no such lock file or uv cannot make it.
        """
        path = self._place(name)
        with self._made_once(path, log) as building:
            if building is not None:
                below = self._below(name)
                base = None if below is None else self.ensure(below, log)
                log(f"Making the Python environment {name}; this is done once.")
                if base is None:
                    self._venv(path, Path(sys.executable), building, log)
                    self._install(path, ["-r", str(self._locks / f"{name}.txt"), *self._left_out(name)], building, log)
                else:
                    self._venv(path, base / "bin" / "python", building, log)
                    self._install_lines(path, self._beyond(name, base), building, log)
                    _see_through(path, base)
                log(f"The Python environment {name} is ready.")
        return path

    def layer(self, base: Path, requirements: Path, log: Log) -> Path:
        """An environment with `requirements` (a requirements.txt) on top of `base`, made now if need be.

        What `base` holds in a version that satisfies them is not installed again; what it holds in another one is
        hidden by the layer's own. The same text on the same base is resolved once. Raises Terminal, with uv's words
        on what cannot be had.
        """
        path = self._folder / f"layer-{_mark(base, requirements)}"
        with self._made_once(path, log) as building:
            if building is not None:
                log(f"Installing {requirements.name} on top of {base.name}.")
                self._venv(path, base / "bin" / "python", building, log)
                if not _all_held(requirements, _held(base)):
                    self._add_missing(path, base, requirements, building, log)
                shutil.copyfile(requirements, path / _REQUIREMENTS)
                _see_through(path, base)
        return path

    def fork(self, base: Path, path: Path) -> Path:
        """A thin environment over `base` at `path`, for one task that installs into it by itself, with `pip`.

        What `base` holds is seen and stays as it is.
        """
        shutil.rmtree(path, ignore_errors=True)
        _Thin(symlinks=True).create(path)
        for name in ("pip", "pip3"):
            script = path / "bin" / name
            script.write_text('#!/bin/sh\nexec "${0%/*}/python" -m pip "$@"\n')
            script.chmod(0o755)
        _see_through(path, base)
        return path

    def recipe(self, environment: Path) -> Recipe | None:
        """How another machine makes the same environment; None where that is not known."""
        name, _, _ = environment.name.rpartition("-")
        if (self._locks / f"{name}.txt").exists() and self._place(name) == environment:
            return {"name": name}
        try:
            base = Path(read_config(environment)["extends-environment"])
            requirements = (environment / _REQUIREMENTS).read_text()
        except (KeyError, OSError):
            return None
        below = self.recipe(base)
        return None if below is None else {"base": below, "requirements": requirements}

    def remake(self, recipe: Recipe, log: Log) -> Path:
        """The environment of a recipe, made now if need be. Raises Terminal where it cannot be."""
        if "name" in recipe:
            return self.ensure(recipe["name"], log)
        base = self.remake(recipe["base"], log)
        with tempfile.TemporaryDirectory() as folder:
            requirements = Path(folder) / _REQUIREMENTS
            requirements.write_text(recipe["requirements"])
            return self.layer(base, requirements, log)

    def _left_out(self, name: str) -> Sequence[str]:
        """Options that leave out what packages name as needed and never import here: `<name>.exclude` lists it."""
        excluded = self._locks / f"{name}.exclude"
        return ["--excludes", str(excluded)] if excluded.exists() else []

    def _below(self, name: str) -> str | None:
        """The environment that `name` stands on, if it holds only what differs from another: `<name>.on` says it."""
        try:
            return (self._locks / f"{name}.on").read_text().strip()
        except FileNotFoundError:
            return None

    def _beyond(self, name: str, base: Path) -> Sequence[str]:
        """The lines of a lock that `base` does not satisfy."""
        held = _held(base)
        pinned = (self._locks / f"{name}.txt").read_text().splitlines()
        return [line for line in pinned if line.strip() and line.lstrip()[0] != "#" and not _is_held(line, held)]

    def _place(self, name: str) -> Path:
        try:
            text = (self._locks / f"{name}.txt").read_bytes()
        except FileNotFoundError:
            known = ", ".join(sorted(file.stem for file in self._locks.glob("*.txt"))) or "none"
            raise Terminal(f"There is no environment called {name!r}. There are: {known}.") from None
        if (below := self._below(name)) is not None:
            text += os.fsencode(self._place(below).name)
        mark = hashlib.sha256(f"{sys.version}\0{sys.base_prefix}\0".encode() + text).hexdigest()[:12]
        return self._folder / f"{name}-{mark}"

    @contextmanager
    def _made_once(self, path: Path, log: Log) -> Iterator[int | None]:
        """None if it is there. Else a descriptor of the lock under which to make it; then it counts as made."""
        if (path / ".ready").exists():
            yield None
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / f"{path.name}.lock").open("w") as building:
            try:
                fcntl.flock(building, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                log(f"Waiting for the Python environment {path.name}, which is being made.")
                fcntl.flock(building, fcntl.LOCK_EX)
            if (path / ".ready").exists():
                yield None
                return
            shutil.rmtree(path, ignore_errors=True)  # left by a crash
            try:
                yield building.fileno()
            except _UvFailed as problem:
                raise Terminal(f"The Python environment could not be made. uv says: {problem}") from problem
            os.sync()  # after a power cut, .ready must not be there without the rest
            (path / ".ready").touch()

    def _venv(self, path: Path, python: Path, building: int, log: Log) -> None:
        self._uv(["venv", "--quiet", "--python", str(python), str(path)], building, log)

    def _install(self, path: Path, pinned: Sequence[str], building: int, log: Log) -> None:
        options = [*self._options, "--python", str(path / "bin" / "python"), *pinned]
        command = ["pip", "install", "--compile-bytecode", *options]
        try:  # everything is pinned, so a warm cache needs no look at the index
            self._uv([*command, "--offline"], building, _unheard)
        except _UvFailed:
            self._uv(command, building, log)

    def _add_missing(self, path: Path, base: Path, requirements: Path, building: int, log: Log) -> None:
        """Resolve, preferring what the base holds (uv prefers what the output file says), and install the rest."""
        held = _held(base)
        with tempfile.TemporaryDirectory() as folder:
            wanted = Path(folder) / "wanted.txt"
            wanted.write_text("".join(f"{name}=={version}\n" for name, version in held.items()))
            options = ["--no-header", "--no-annotate"]
            options += ["--python", str(base / "bin" / "python"), "-o", str(wanted), str(requirements)]
            self._resolve(options, building, log)
            pinned = wanted.read_text().splitlines()
        if missing := [line for line in pinned if line and not _is_held(line, held)]:
            log(f"Needed beyond {base.name}: {', '.join(missing)}.")
            self._install_lines(path, [*_index_options(requirements), *missing], building, log)
        log(f"{requirements.name} is satisfied.")

    def _install_lines(self, path: Path, lines: Sequence[str], building: int, log: Log) -> None:
        """Install what a requirements.txt of these lines names, and nothing besides."""
        with tempfile.TemporaryDirectory() as folder:
            wanted = Path(folder) / "wanted.txt"
            wanted.write_text("\n".join(lines) + "\n")
            self._install(path, ["--no-deps", "-r", str(wanted)], building, log)

    def _resolve(self, options: Sequence[str], building: int, log: Log) -> None:
        command = ["pip", "compile", "--quiet", *self._options, *options]
        try:
            self._uv(command, building, _unheard)
        except _UvFailed as problem:
            try:
                self._uv([*command, "--offline"], building, _unheard)
            except _UvFailed:
                raise problem from None  # which says more
            log("The package index could not be reached; packages come from the cache.")

    def _uv(self, arguments: Sequence[str], building: int, log: Log) -> None:
        """Run uv, its lines going to `log`. It inherits the lock: if we are killed, nobody starts beside it."""
        tail: deque[str] = deque(maxlen=_TAIL)
        with subprocess.Popen(
            [sys.executable, "-m", "uv", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self._environ,
            cwd=self._folder,
            pass_fds=[building],
            text=True,
            errors="replace",
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if line.strip():
                    tail.append(line.rstrip())
                    log(line.rstrip())
        if process.returncode:
            raise _UvFailed("\n".join(tail) or f"exit code {process.returncode}")


def _unheard(line: str) -> None:
    """The log of an attempt that may fail; `_UvFailed` carries what was said."""


def uv_environment(environ: Mapping[str, str]) -> Mapping[str, str]:
    """`environ` with pip's index settings told to uv as well, where uv has none of its own."""
    out = {key: value for key, value in environ.items() if key != "VIRTUAL_ENV" and not key.startswith("PYTHON")}
    out["NO_COLOR"] = "1"
    if not {"UV_INDEX_URL", "UV_DEFAULT_INDEX"} & environ.keys() and environ.get("PIP_INDEX_URL"):
        out["UV_DEFAULT_INDEX"] = environ["PIP_INDEX_URL"]
    if not {"UV_EXTRA_INDEX_URL", "UV_INDEX"} & environ.keys() and environ.get("PIP_EXTRA_INDEX_URL"):
        out["UV_INDEX"] = " ".join(environ["PIP_EXTRA_INDEX_URL"].split())
        out.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")  # as pip looks at several
    if "UV_FIND_LINKS" not in environ and environ.get("PIP_FIND_LINKS"):
        out["UV_FIND_LINKS"] = ",".join(environ["PIP_FIND_LINKS"].split())
    if "UV_SYSTEM_CERTS" not in environ:
        out["UV_SYSTEM_CERTS"] = "true"  # trust what the machine trusts, also behind a company's proxy
    if "SSL_CERT_FILE" not in environ and environ.get("PIP_CERT"):
        out["SSL_CERT_FILE"] = environ["PIP_CERT"]
    return out


def _mark(base: Path, requirements: Path) -> str:
    text = requirements.read_bytes()
    parts = [os.fsencode(base), text]
    if not all(_HERMETIC.match(line) for line in text.decode(errors="replace").splitlines()):
        # It names other files, whose content we do not see: good for this very file only.
        parts.append(f"{requirements.absolute()} {requirements.stat().st_mtime_ns}".encode())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def _index_options(requirements: Path) -> Iterator[str]:
    """The lines of a requirements.txt that say where packages come from, good in another folder too."""
    for line in requirements.read_text(errors="replace").splitlines():
        option, _, value = line.strip().replace("=", " ", 1).partition(" ")
        value = value.split(" #")[0].strip()
        if option in ("-f", "--find-links"):
            place = value if "://" in value else str(requirements.absolute().parent / value)
            yield f"--find-links {place}"
        elif option in ("-i", "--index-url", "--extra-index-url", "--no-index"):
            yield f"{option} {value}".strip()


def _site_packages(environment: Path) -> Path:
    return next(iter(sorted((environment / "lib").glob("python*/site-packages"))))


def _see_through(path: Path, base: Path) -> None:
    """Let the layer import what the base holds, after its own; and let the sandbox know that both are needed."""
    (_site_packages(path) / "_base.pth").write_text(f"import site; site.addsitedir({str(_site_packages(base))!r})\n")
    with (path / "pyvenv.cfg").open("a") as file:
        file.write(f"extends-environment = {base}\n")
    for number, layer in enumerate(layers(base)):
        _offer_commands(path, layer, f".below-{number}")


def _offer_commands(path: Path, layer: Path, name: str) -> None:
    """Commands written in Python that a layer below brings (torchrun, transformers-cli, …), run by our own Python.

    By the layer's, which is in their first line, they would not see what was installed on top.
    """
    own = path / "bin"
    commands = [each for each in (layer / "bin").iterdir() if not (own / each.name).exists() and _is_python(each)]
    if commands:
        (own / name).write_text(f'#!/bin/sh\nexec "${{0%/*}}/python" {shlex.quote(f"{layer}/bin")}/"${{0##*/}}" "$@"\n')
        (own / name).chmod(0o755)
    for each in commands:
        (own / each.name).symlink_to(name)


def _is_python(command: Path) -> bool:
    """Whether its first line, or the second of one whose path would be too long there, names a Python."""
    if command.is_symlink() or command.name.startswith((".", "activate")):
        return False
    with command.open("rb") as file:
        first, second = file.readline(4096), file.readline(4096)
    return first.startswith(b"#!") and b"python" in first + (second if second.startswith(b"'''exec'") else b"")


def _held(environment: Path) -> dict[str, str]:
    """Normalized names and versions of what an environment offers, the environments below it included."""
    found: dict[str, str] = {}
    current: Path | None = environment
    while current is not None:
        for distribution in importlib.metadata.distributions(path=[str(_site_packages(current))]):
            found.setdefault(_normal(distribution.name), distribution.version)
        extended = read_config(current).get("extends-environment")
        current = Path(extended) if extended else None
    return found


def _is_held(line: str, held: Mapping[str, str]) -> bool:
    name, pinned, version = line.partition("==")
    there, wanted = held.get(_normal(name.partition("[")[0])), version.partition(";")[0].strip()
    # `2.13.0` is satisfied by the build `2.13.0+cpu`.
    return bool(pinned) and there is not None and wanted in (there, there.partition("+")[0])


def _all_held(requirements: Path, held: Mapping[str, str]) -> bool:
    """Whether every line names one version, and that is there: then nobody needs to be asked."""
    lines = [line.strip() for line in requirements.read_text(errors="replace").splitlines()]
    return all(_is_held(line, held) for line in lines if line and not line.startswith("#"))


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name.strip()).lower()
