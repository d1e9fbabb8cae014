"""The home folder of an instance as scripts and people know it. All of it is new at each start, save the volume."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from sagewright_container.notebook.settings import COMMANDS, CONDA, HOME, SPOOL, VOLUME, Settings

_VERSION = "/etc/opt/ml/sagemaker-notebook-instance-version.txt"
_OWN_KERNELS = f"{VOLUME}/.kernels"
"""Where kernels lie that a user installs: they outlive the instance's stops."""
_DEFAULT = "conda_python3"
_PROFILE = f"""\
export PATH="{COMMANDS}:$HOME/.local/bin:{CONDA}/bin:$PATH"
[ -f "$HOME/.bashrc" ] && . "$HOME/.bashrc"
"""
_ACTIVATE = f"""\
# source activate NAME: the kernel's environment comes first.
__name="${{1:-JupyterSystemEnv}}"; __name="${{__name##*/}}"
if [ -d "{CONDA}/envs/$__name" ]; then
    export CONDA_DEFAULT_ENV="$__name" CONDA_PREFIX="{CONDA}/envs/$__name" VIRTUAL_ENV="{CONDA}/envs/$__name"
    export PATH="{CONDA}/envs/$__name/bin:$PATH"
else
    echo "There is no environment $__name; there are: $(ls {CONDA}/envs | tr '\\n' ' ')" >&2
fi
"""


def prepare(settings: Settings) -> None:
    """Make what a user finds at the start."""
    folders = ("/root", "/var/log", SPOOL, f"{CONDA}/bin", f"{CONDA}/envs", "/run/jupyter", "/opt/ml/run")
    for folder in (*folders, os.path.dirname(_VERSION), _OWN_KERNELS, f"{HOME}/.local/share/jupyter"):
        os.makedirs(folder, exist_ok=True)
    os.environ["JUPYTER_RUNTIME_DIR"] = "/run/jupyter"
    os.environ["JUPYTER_PATH"] = f"{HOME}/.sagewright"
    _write(_VERSION, "sagewright")
    for home in (HOME, "/root"):
        _write(f"{home}/.bash_profile", _PROFILE)
        _write(f"{home}/.bashrc", "PS1='[\\u@\\h \\W]\\$ '\n")
    _link(_OWN_KERNELS, f"{HOME}/.local/share/jupyter/kernels")
    _write(f"{CONDA}/bin/activate", _ACTIVATE)
    _write(f"{CONDA}/bin/deactivate", "")
    _link(f"{COMMANDS}/conda", f"{CONDA}/bin/conda")
    _link(os.environ.get("VIRTUAL_ENV") or sys.prefix, f"{CONDA}/envs/JupyterSystemEnv")
    for name, environment in settings.kernels.items():
        kernel(name, environment)
    if first := next(iter(settings.kernels), ""):
        _link(f"{CONDA}/envs/{_short(first)}/bin/python", f"{CONDA}/bin/python")
        _link(f"{CONDA}/envs/{_short(first)}/bin/pip", f"{CONDA}/bin/pip")


def kernel(name: str, base: str, envs: str = f"{CONDA}/envs", specs: str = f"{HOME}/.sagewright/kernels") -> None:
    """A kernel on a Python environment that is only shown: what users install goes into one of their own, which sees
    through to it."""
    place = Path(envs, _short(name))
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    site = place / "lib" / version / "site-packages"
    site.mkdir(parents=True, exist_ok=True)
    (place / "bin").mkdir(exist_ok=True)
    for each in ("python", "python3", version):
        _link(f"{base}/bin/python", str(place / "bin" / each))
    _write(str(place / "pyvenv.cfg"), Path(base, "pyvenv.cfg").read_text())
    below = f"{base}/lib/{version}/site-packages"
    _write(str(site / "_base.pth"), f"import site; site.addsitedir({below!r})\n")
    for command, module in (("pip", "pip"), ("pip3", "pip"), ("ipython", "IPython"), ("jupyter", "jupyter_core")):
        _write(
            str(place / "bin" / command), f'#!/bin/sh\nexec "{place}/bin/python" -m {module} "$@"\n', executable=True
        )
    spec = {
        "argv": [f"{place}/bin/python", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": name,
        "language": "python",
        "metadata": {"debugger": True},
        "env": {
            "PATH": f"{place}/bin:{base}/bin:${{PATH}}",
            "VIRTUAL_ENV": str(place),
            "CONDA_DEFAULT_ENV": _short(name),
            "CONDA_PREFIX": str(place),
        },
    }
    for called in (
        {name, "python3"} if name == _DEFAULT else {name}
    ):  # `python3` is what notebooks from elsewhere ask for
        os.makedirs(f"{specs}/{called}", exist_ok=True)
        _write(f"{specs}/{called}/kernel.json", json.dumps(spec))


def _short(name: str) -> str:
    """The environment of a kernel: `python3` for `conda_python3`."""
    return name.removeprefix("conda_")


def _write(path: str, text: str, *, executable: bool = False) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    if executable:
        os.chmod(path, 0o700)


def _link(target: str, path: str) -> None:
    if os.path.islink(path):
        os.unlink(path)
    os.symlink(target, path)
