"""Environments that users make for kernels of their own: `conda create`, and the page of environments, work by this.

Each is a folder on the volume, so it outlives stops. It stands on the environment of one of the instance's kernels and
holds what was installed beyond it. At each start it is set on what that kernel stands on then.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sagewright_container.notebook.kernels import SPECS, kernel, link, short
from sagewright_container.notebook.settings import CONDA, VOLUME, Settings

KEPT = f"{VOLUME}/.environments"
_BASE = "base.txt"
"""In an environment's folder: the kernel that it stands on."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_LIMIT_S = 1800.0
_USAGE = (
    "usage: conda create --name NAME [PACKAGE…], conda install [--name NAME] PACKAGE…, conda remove --name NAME --all, "
    "conda env list. Packages come from where pip finds them."
)


class Refused(Exception):
    """What was asked for is not possible; the message says why, and what is."""


@dataclass(frozen=True)
class Environment:
    """One that a user made, or one of the instance's own."""

    name: str
    place: str
    base: str
    """The kernel that it stands on; '' for the instance's own."""

    @property
    def kernel(self) -> str:
        """What Jupyter calls its kernel."""
        return f"conda_{self.name}"


def all_of_them(settings: Settings) -> list[Environment]:
    """The instance's own first."""
    own = [Environment(short(each), f"{CONDA}/envs/{short(each)}", "") for each in settings.kernels]
    made = sorted(name for name in (os.listdir(KEPT) if os.path.isdir(KEPT) else ()) if _NAME.fullmatch(name))
    return own + [Environment(name, f"{KEPT}/{name}", _base(f"{KEPT}/{name}")) for name in made]


def create(settings: Settings, name: str, base: str = "", packages: Sequence[str] = ()) -> Environment:
    """Make one, and its kernel. Raises Refused, with pip's last line where it cannot install; nothing stays then."""
    if not _NAME.fullmatch(name):
        raise Refused(f"{name!r} is no name for an environment: letters, digits, '-', '_' and '.', 64 at most.")
    if any(name == each.name for each in all_of_them(settings)):
        raise Refused(f"There is an environment {name} already.")
    base = base or next(iter(settings.kernels), "")
    if base not in settings.kernels:
        raise Refused(f"There is no kernel {base}; environments stand on one of {', '.join(settings.kernels)}.")
    made = Environment(name, f"{KEPT}/{name}", base)
    os.makedirs(made.place)
    try:
        show(settings, made)
        install(made, packages)
    except BaseException:
        remove(settings, name)
        raise
    return made


def install(environment: Environment, packages: Sequence[str]) -> None:
    """With pip. Raises Refused with its last line."""
    if not packages:
        return
    command = [f"{environment.place}/bin/python", "-m", "pip", "install", "--quiet", "--", *packages]
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=_LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise Refused(f"pip took longer than {_LIMIT_S / 60:g} minutes.") from None
    if done.returncode:
        said = [line for line in done.stdout.splitlines() if line.startswith("ERROR")] or done.stdout.splitlines()
        raise Refused(said[-1] if said else f"pip ended with exit code {done.returncode}.")


def remove(settings: Settings, name: str) -> None:
    """Take away one that a user made. Raises Refused for others."""
    if short(name) in map(short, settings.kernels):
        raise Refused(f"{name} is the instance's own and stays.")
    if not _NAME.fullmatch(name) or not os.path.isdir(f"{KEPT}/{name}"):
        raise Refused(f"There is no environment {name}.")
    shutil.rmtree(f"{SPECS}/conda_{name}", ignore_errors=True)
    if os.path.islink(f"{CONDA}/envs/{name}"):
        os.unlink(f"{CONDA}/envs/{name}")
    shutil.rmtree(f"{KEPT}/{name}", ignore_errors=True)


def show(settings: Settings, environment: Environment) -> None:
    """Have it stand on what its kernel stands on now, under its name among the others; one whose kernel there is no
    more stands on the default one."""
    default = next(iter(settings.kernels))
    base = environment.base if environment.base in settings.kernels else default
    kernel(environment.kernel, settings.kernels[base], envs=KEPT, specs=SPECS)
    Path(environment.place, _BASE).write_text(environment.base)
    link(environment.place, f"{CONDA}/envs/{environment.name}")


def _base(place: str) -> str:
    try:
        return Path(place, _BASE).read_text()
    except OSError:
        return ""


def main(arguments: Sequence[str]) -> int:
    """What `conda` does here: the exit code."""
    settings, words, options = Settings.read(), *_parsed(arguments)
    try:
        match words:
            case ["create", *packages]:
                create(settings, _named(options), packages=_pip(packages))
            case ["install", *packages]:
                name = options.get("name") or os.environ.get("CONDA_DEFAULT_ENV") or ""
                found = [each for each in all_of_them(settings) if each.name == name]
                if not found:
                    raise Refused(f"There is no environment {name or 'active'}.")
                install(found[0], _pip(packages))
            case ["remove", "all"] | ["env", "remove"]:
                remove(settings, _named(options))
            case ["env" | "info", *_]:
                for each in all_of_them(settings):
                    print(f"{each.name:<32} {each.place}")
            case _:
                raise Refused(_USAGE)
    except Refused as refused:
        print(f"conda: {refused}", file=sys.stderr)
        return 1
    return 0


def _parsed(arguments: Sequence[str]) -> tuple[list[str], dict[str, Any]]:
    """Words and options; those that say how, not what, are read over."""
    words: list[str] = []
    options: dict[str, Any] = {}
    rest = iter(arguments)
    for each in rest:
        name, _, value = each.partition("=")
        if name in ("-n", "--name"):
            options["name"] = value or next(rest, "")
        elif name in ("-c", "--channel"):
            value or next(rest, "")
        elif name in ("-p", "--prefix"):
            raise SystemExit("conda: environments have names here, and all are kept: conda create --name NAME")
        elif name == "--all":
            words.append("all")
        elif not each.startswith("-"):
            words.append(each)
    return words, options


def _named(options: dict[str, Any]) -> str:
    if not options.get("name"):
        raise Refused(_USAGE)
    return str(options["name"])


def _pip(packages: Sequence[str]) -> list[str]:
    """Conda's way to name packages in pip's: `a=1.2` is `a==1.2`. The Python is the instance's own."""
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    found = []
    for each in packages:
        name, _, version = each.partition("=")
        if name in ("python", "pip"):
            if name == "python" and version and not f"{here}.".startswith(f"{version.lstrip('=')}."[:5]):
                print(f"conda: Python is {here} here; {each} was asked for.", file=sys.stderr)
        elif re.fullmatch(r"[A-Za-z0-9._-]+=[0-9][^=]*", each):
            found.append(f"{name}=={version}")
        else:
            found.append(each)
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
