"""Short names for long folders: a Unix socket's path may have some hundred bytes, a task's folder has more.

`<temporary folder>/sagewright-<uid>/<hash>` is a link to the folder of the task's socket. It can be made again at any
time, from what the engine knows, so it may be lost with the temporary folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import secrets
import stat
import tempfile
from pathlib import Path

from sagewright.base.errors import Terminal

_LONGEST = 40
"""Bytes that the temporary folder may have: what follows takes some 60."""

_MOST = 16
"""Names beside a socket that are looked at: model servers have a few."""


def make(folder: Path, run: Path) -> Path:
    """The link to `folder` of the task whose engine folder is `run`. Raises Terminal if the place is not safe."""
    link = _home(create=True) / _name(run)
    with contextlib.suppress(FileNotFoundError):
        if os.readlink(link) == str(folder):
            return link
        link.unlink()
    with contextlib.suppress(FileExistsError):  # another thread
        link.symlink_to(folder)
    return link


def pin(folder: Path, relative: str, kept: Path) -> bool:
    """Have the folder `kept` hold the sockets that are where `relative` below `folder` is: these very ones, whatever is
    put in their places. No link is followed on the way. False when something else is at `relative`."""
    *way, name = Path(relative).parts
    with contextlib.ExitStack() as stack:
        try:
            current = _open(folder, stack)
            for part in way:
                current = _open(part, stack, within=current)
            others = itertools.islice(os.scandir(current), _MOST)
            for each in dict.fromkeys([name, *(entry.name for entry in others)]):
                _pin(current, each, kept / each)
            found = os.stat(name, dir_fd=current, follow_symlinks=False)
        except FileNotFoundError:
            return True  # not yet
        except OSError:
            return False
        return stat.S_ISSOCK(found.st_mode)


def _open(path: Path | str, stack: contextlib.ExitStack, *, within: int | None = None) -> int:
    flags = os.O_RDONLY | os.O_DIRECTORY | (0 if within is None else os.O_NOFOLLOW)
    opened = os.open(path, flags, dir_fd=within)
    stack.callback(os.close, opened)
    return opened


def _pin(current: int, name: str, kept: Path) -> None:
    try:
        found = os.stat(name, dir_fd=current, follow_symlinks=False)
    except FileNotFoundError:
        kept.unlink(missing_ok=True)
        return
    with contextlib.suppress(FileNotFoundError):
        if os.path.samestat(found, kept.lstat()):
            return
    if not stat.S_ISSOCK(found.st_mode):
        return
    kept.parent.mkdir(mode=0o700, exist_ok=True)
    # What is linked may be another thing by now, so it is looked at again before anybody knows it.
    new = kept.with_name(f".{secrets.token_hex(8)}")
    os.link(name, new, src_dir_fd=current, follow_symlinks=False)
    if stat.S_ISSOCK(new.lstat().st_mode):
        new.rename(kept)
    else:
        new.unlink()


def remove(run: Path) -> None:
    """Silent if there is none."""
    with contextlib.suppress(OSError):
        (_home(create=False) / _name(run)).unlink()


def _name(run: Path) -> str:
    return hashlib.sha256(os.fsencode(run)).hexdigest()[:16]


def _home(*, create: bool) -> Path:
    """Ours alone: in a folder that everybody may write to, somebody else could have made it first."""
    temporary = tempfile.gettempdir()
    if len(os.fsencode(temporary)) > _LONGEST:
        temporary = "/tmp"  # noqa: S108  # checked below
    home = Path(temporary) / f"sagewright-{os.getuid()}"
    if create:
        home.mkdir(mode=0o700, exist_ok=True)
        found = home.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
            raise Terminal(f"{home} must be a folder that only its owner can use. Remove it and try again.")
    return home
