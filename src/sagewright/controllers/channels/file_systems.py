"""Channels that show a file system: EFS and FSx for Lustre, as folders of this machine.

DATA/file-systems/<id>    a folder, or a link to one: what stands for the file system of that id
"""

from __future__ import annotations

from pathlib import Path

from sagewright.base.errors import Terminal
from sagewright.compute.base import Mount
from sagewright.controllers.channels.channel import FileSystem


def mount(name: str, system: FileSystem, folder: Path) -> Mount:
    """Shows a channel's folder of a file system. `folder` is where all file systems are. Raises Terminal."""
    root = folder / system.id
    if not root.is_dir():
        raise Terminal(
            f"ClientError: The file system {system.id} of channel {name!r} is not known here. Say which folder stands "
            f"for it: sagewright file-system attach {system.id} FOLDER."
        )
    root = root.resolve()
    shown = (root / system.path.lstrip("/")).resolve()
    if not shown.is_relative_to(root):
        raise Terminal(f"ClientError: {system.path} leads out of the file system {system.id} of channel {name!r}.")
    if not shown.is_dir():
        raise Terminal(
            f"ClientError: There is no directory {system.path} in the file system {system.id} of channel {name!r}."
        )
    return Mount(shown, f"/opt/ml/input/data/{name}", writable=system.writable)
