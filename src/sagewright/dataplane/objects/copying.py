"""Copies of files: shared blocks where the file system can, else the kernel's copy, else ours."""

from __future__ import annotations

import contextlib
import os
import sys

if sys.platform == "linux":
    import fcntl

_FICLONE = 0x40049409
"""`FICLONE` of linux/fs.h: share all blocks of a file, copy on write."""

CHUNK = 1 << 20


def clone(source: int, target: int, size: int) -> None:
    """Give the empty file `target` the first `size` bytes of `source`, which must be all it has. Descriptors."""
    if sys.platform == "linux" and size:
        with contextlib.suppress(OSError):
            fcntl.ioctl(target, _FICLONE, source)
            return
    copy_range(source, target, offset=0, length=size, at=0)


def copy_range(source: int, target: int, *, offset: int, length: int, at: int) -> None:
    """Copy `length` bytes from `offset` of one descriptor to `at` of another. Raises EOFError when it is shorter."""
    in_kernel = hasattr(os, "copy_file_range")
    while length:
        done = 0
        if in_kernel:
            try:
                done = os.copy_file_range(source, target, min(length, 1 << 30), offset, at)
            except OSError:
                # Other file systems, old kernels, special files: each says so in its own way.
                in_kernel = False
                continue
        else:
            done = os.pwrite(target, os.pread(source, min(length, CHUNK), offset), at)
        if not done:
            raise EOFError(f"the file ends {length} bytes early")
        length, offset, at = length - done, offset + done, at + done


def sync_folder(path: str | os.PathLike[str]) -> None:
    """Make a folder's entries durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
