"""The home folder of an instance as scripts and people know it. All of it is new at each start, save the volume."""

from __future__ import annotations

import json
import os
import shutil
import sys

from sagewright_container.notebook import environments
from sagewright_container.notebook.kernels import kernel, link, short, write
from sagewright_container.notebook.settings import COMMANDS, CONDA, HOME, SPOOL, VOLUME, Settings

_PANELS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lab")
_VERSION = "/etc/opt/ml/sagemaker-notebook-instance-version.txt"
_OWN_KERNELS = f"{VOLUME}/.kernels"
"""Where kernels lie that a user installs: they outlive the instance's stops."""
_SETTINGS = {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False}}
"""Of JupyterLab, where users set nothing else: it asks nobody outside, and does not ask whether it may."""
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
    os.environ["JUPYTER_CONFIG_PATH"] = f"{HOME}/.sagewright/config"
    os.makedirs(f"{HOME}/.sagewright/config/labconfig", exist_ok=True)
    write(f"{HOME}/.sagewright/config/labconfig/default_setting_overrides.json", json.dumps(_SETTINGS))
    # A copy: JupyterLab serves no links.
    shutil.copytree(_PANELS, f"{HOME}/.sagewright/labextensions/@sagewright/notebook", dirs_exist_ok=True)
    write(_VERSION, "sagewright")
    for home in (HOME, "/root"):
        write(f"{home}/.bash_profile", _PROFILE)
        write(f"{home}/.bashrc", "PS1='[\\u@\\h \\W]\\$ '\n")
    os.makedirs(f"{HOME}/.config/git", exist_ok=True)
    write(f"{HOME}/.config/git/ignore", ".ipynb_checkpoints/\n")
    link(_OWN_KERNELS, f"{HOME}/.local/share/jupyter/kernels")
    write(f"{CONDA}/bin/activate", _ACTIVATE)
    write(f"{CONDA}/bin/deactivate", "")
    link(f"{COMMANDS}/conda", f"{CONDA}/bin/conda")
    link(os.environ.get("VIRTUAL_ENV") or sys.prefix, f"{CONDA}/envs/JupyterSystemEnv")
    for name, environment in settings.kernels.items():
        kernel(name, environment)
    for each in environments.all_of_them(settings):
        if each.base:
            environments.show(settings, each)
    if first := next(iter(settings.kernels), ""):
        link(f"{CONDA}/envs/{short(first)}/bin/python", f"{CONDA}/bin/python")
        link(f"{CONDA}/envs/{short(first)}/bin/pip", f"{CONDA}/bin/pip")
