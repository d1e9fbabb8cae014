"""The image of tasks without one: an empty root, in which this machine's system is shown read-only.

It is what bubblewrap's sandbox makes (`compute/sandbox.py`), of the same pieces.
"""

from __future__ import annotations

import functools
import hashlib
import io
import os
import re
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from sagewright.compute import sandbox
from sagewright.compute.containers.api import Api

LABEL: Final = "sagewright"
FOLDER: Final = "/.sagewright"
"""Where a container has what is the engine's own."""
_FOLDERS: Final = ("dev", "etc", "home", "opt/ml", "proc", "run", "sys", "tmp", "usr", "var/tmp")


@functools.cache
def root() -> bytes:
    """The image's root as a tar file, the same bytes each time."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name in sorted((*_FOLDERS, FOLDER[1:], sandbox.HOME[1:], sandbox.TOOLKIT[1:])):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(entry)
        for path in sandbox.SYSTEM:
            if os.path.islink(path):
                entry = tarfile.TarInfo(path[1:])
                entry.type, entry.linkname = tarfile.SYMTYPE, os.readlink(path)
                tar.addfile(entry)
    return file.getvalue()


def name() -> str:
    """What the image is called; another root has another name."""
    return f"localhost/sagewright-base-{hashlib.sha256(root()).hexdigest()[:12]}"


def ensure(api: Api) -> str:
    """Make the image unless the engine holds it. Its id."""
    found = api.found(f"/images/{name()}:latest/json")
    if found is None:
        query = {"fromSrc": "-", "repo": name(), "tag": "latest", "changes": f"LABEL {LABEL}=base"}
        api.call("POST", "/images/create", query, root())
        found = api.call("GET", f"/images/{name()}:latest/json")
    identity: str = found["Id"]
    return identity


def binds() -> Sequence[dict[str, Any]]:
    """This machine's system, to be mounted read-only into a container of the image."""
    places = ["/usr", *(path for path in sandbox.SYSTEM if os.path.isdir(path) and not os.path.islink(path))]
    places += [f"/etc/{each}" for each in sandbox.ETC if os.path.exists(f"/etc/{each}")]
    return [bind(Path(place), place) for place in places]


def bind(source: Path, target: str, *, writable: bool = False) -> dict[str, Any]:
    """A mount of a container."""
    return {"Type": "bind", "Source": str(source), "Target": target, "ReadOnly": not writable}


@functools.cache
def shell() -> tuple[Sequence[dict[str, Any]], Sequence[str]]:
    """A shell for any image, also one that holds none: mounts, and the words that start it.

    It is this machine's, with the loader and libraries that it needs, and touches nothing of the image's own.
    """
    program = os.path.realpath("/bin/sh")
    said = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
    libraries = {os.path.basename(path): path for path in re.findall(r"(/\S+\.so\S*)", said)}
    loader = next((path for base, path in libraries.items() if base.startswith("ld-")), None)
    mounts = [bind(Path(program), f"{FOLDER}/sh")]
    if loader is None:  # a static shell
        return mounts, [f"{FOLDER}/sh"]
    mounts += [bind(Path(os.path.realpath(path)), f"{FOLDER}/lib/{base}") for base, path in libraries.items()]
    return mounts, [f"{FOLDER}/lib/{os.path.basename(loader)}", "--library-path", f"{FOLDER}/lib", f"{FOLDER}/sh"]
