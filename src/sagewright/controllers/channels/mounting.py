"""Showing a pile as a folder of files: a read-only file system in user space (FUSE), served by `mounted.py`.

The file system outlives the server, as tasks do; it ends when it is unmounted, which `Platform.forget` does. Where it
cannot be had, channels are folders of links.
"""

from __future__ import annotations

import array
import contextlib
import ctypes
import importlib.util
import logging
import os
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Final

_log = logging.getLogger(__name__)

_PROGRAM: Final = Path(__file__).with_name("mounted.py")
_NAME: Final = "sagewright"
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MNT_DETACH = 1, 2, 4, 2
_READY: Final = 5.0
"""Seconds that a file system may take until it answers."""


def mount(pile: Path, point: Path) -> bool:
    """Show a pile's files in the folder `point`, which is made. False where that cannot be done here."""
    if sys.platform != "linux" or not os.path.exists("/dev/fuse"):
        return False
    point.mkdir(parents=True)
    try:
        device = _as_root(point) if os.geteuid() == 0 else _as_anybody(point)
    except OSError as problem:
        _log.info("channels are not shown by FUSE here: %s", problem)
        return False
    try:
        _serve(device, pile, point)
    finally:
        os.close(device)
    return True


def unmount(folder: Path) -> None:
    """Take away whatever is mounted below a folder. What still uses it keeps it until then."""
    for point in _points(folder):
        if os.geteuid() == 0:
            _libc().umount2(os.fsencode(point), _MNT_DETACH)
        elif program := shutil.which("fusermount3"):
            subprocess.run([program, "-u", "-z", point], check=False, capture_output=True)


def _as_root(point: Path) -> int:
    """A file system's end of the mount. Raises OSError."""
    device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    options = f"fd={device},rootmode=40000,user_id={os.geteuid()},group_id={os.getegid()}"
    flags = _MS_RDONLY | _MS_NOSUID | _MS_NODEV
    if _libc().mount(_NAME.encode(), os.fsencode(point), b"fuse.sagewright", flags, options.encode()):
        number = ctypes.get_errno()
        os.close(device)
        raise OSError(number, os.strerror(number))
    return device


def _as_anybody(point: Path) -> int:
    """The same by the setuid program that comes with FUSE: it hands its end over through a socket."""
    program = shutil.which("fusermount3")
    if program is None:
        raise FileNotFoundError("fusermount3 is not installed (`apt install fuse3`)")
    ours, theirs = socket.socketpair()
    with ours, theirs:
        command = [program, "-o", f"ro,nosuid,nodev,fsname={_NAME}", "--", str(point)]
        environment = {"_FUSE_COMMFD": str(theirs.fileno()), "PATH": os.environ.get("PATH", "")}
        done = subprocess.run(
            command, pass_fds=[theirs.fileno()], env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise OSError(done.stderr.strip())
        descriptors = array.array("i")
        _, ancillary, _, _ = ours.recvmsg(1, socket.CMSG_LEN(descriptors.itemsize))
        descriptors.frombytes(ancillary[0][2][: descriptors.itemsize])
        os.set_inheritable(descriptors[0], False)
        return descriptors[0]


def _serve(device: int, pile: Path, point: Path) -> None:
    """Start the file system, on its own: no server is needed for it to go on."""
    with (pile / "mounted.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_compiled()), str(pile), str(point)],
            stdin=device,
            stdout=log,
            stderr=log,
            cwd="/",
            env={},
            start_new_session=True,
        )
    threading.Thread(target=process.wait, name="channel-mount", daemon=True).start()


def _compiled() -> Path:
    """The program as Python has compiled it, if it has: a script would be compiled anew each time."""
    with contextlib.suppress(OSError, NotImplementedError):
        cached = Path(importlib.util.cache_from_source(str(_PROGRAM)))
        if cached.stat().st_mtime >= _PROGRAM.stat().st_mtime:
            return cached
    return _PROGRAM


def _points(folder: Path) -> list[str]:
    """Mount points below a folder, the innermost first."""
    prefix = f"{folder.resolve()}/"
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            points = [line.split(" ", 5)[4].encode().decode("unicode_escape") for line in file if folder.name in line]
    except OSError:
        return []
    return sorted((point for point in points if point.startswith(prefix)), reverse=True)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
