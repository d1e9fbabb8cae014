"""Kernels, each with an environment of its own in front of one that is only shown."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from sagewright_container.notebook.settings import CONDA, HOME

SPECS = f"{HOME}/.sagewright/kernels"
"""Where Jupyter finds the kernels that are made anew at each start."""
_DEFAULT = "conda_python3"


def kernel(name: str, base: str, envs: str = f"{CONDA}/envs", specs: str = SPECS) -> None:
    """A kernel on a Python environment that is only shown: what users install goes into one of their own, which sees
    through to it."""
    place = Path(envs, short(name))
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    site = place / "lib" / version / "site-packages"
    site.mkdir(parents=True, exist_ok=True)
    (place / "bin").mkdir(exist_ok=True)
    for each in ("python", "python3", version):
        link(f"{base}/bin/python", str(place / "bin" / each))
    write(str(place / "pyvenv.cfg"), Path(base, "pyvenv.cfg").read_text())
    below = f"{base}/lib/{version}/site-packages"
    write(str(site / "_base.pth"), f"import site; site.addsitedir({below!r})\n")
    for command, module in (("pip", "pip"), ("pip3", "pip"), ("ipython", "IPython"), ("jupyter", "jupyter_core")):
        write(str(place / "bin" / command), f'#!/bin/sh\nexec "{place}/bin/python" -m {module} "$@"\n', executable=True)
    spec = {
        "argv": [f"{place}/bin/python", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "language": "python",
        "metadata": {"debugger": True},
        "env": {
            "PATH": f"{place}/bin:{base}/bin:${{PATH}}",
            "VIRTUAL_ENV": str(place),
            "CONDA_DEFAULT_ENV": short(name),
            "CONDA_PREFIX": str(place),
        },
    }
    shown = {name: name}
    if name == _DEFAULT:
        shown["python3"] = "Python 3"  # what notebooks from elsewhere ask for
    for called, title in shown.items():
        os.makedirs(f"{specs}/{called}", exist_ok=True)
        write(f"{specs}/{called}/kernel.json", json.dumps({**spec, "display_name": title}))


def short(name: str) -> str:
    """The environment of a kernel: `python3` for `conda_python3`."""
    return name.removeprefix("conda_")


def write(path: str, text: str, *, executable: bool = False) -> None:
    """A file of ours, new."""
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    if executable:
        os.chmod(path, 0o700)


def link(target: str, path: str) -> None:
    """A symbolic link in the place of the one that may be there."""
    if os.path.islink(path):
        os.unlink(path)
    os.symlink(target, path)
