"""The system calls that a sandboxed task may not make: those that reach past its namespaces, or far into the kernel,
without any power.

The kernel's keyrings and hypervisor sockets (AF_VSOCK) know no namespaces; a user namespace of the task's own would
give it powers over new ones; TIOCSTI types into a terminal. `filter_program` writes that down as bubblewrap takes it: a
program of classic BPF, eight bytes an instruction.
"""

from __future__ import annotations

import errno
import platform
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class _Machine:
    """How a kind of processor numbers what is named below."""

    audit: int
    """Its AUDIT_ARCH."""
    clone: int
    unshare: int
    socket: int
    ioctl: int
    refused: tuple[int, ...]
    """add_key, request_key, keyctl, bpf, perf_event_open, userfaultfd, syslog."""


_MACHINES: Final[Mapping[str, _Machine]] = {
    "x86_64": _Machine(0xC000003E, 56, 272, 41, 16, (248, 249, 250, 321, 298, 323, 103)),
    "aarch64": _Machine(0xC00000B7, 220, 97, 198, 29, (217, 218, 219, 280, 241, 282, 116)),
}
_CLONE3: Final = 435
"""Its flags are behind a pointer, where no filter sees them: libraries take `clone` where it is missing."""
_IO_URING: Final = (425, 426, 427)
_FAMILIES: Final = (0, 1, 2, 10, 16)
"""Of sockets: unspecified, Unix, IPv4, IPv6, netlink."""
_TERMINAL: Final = (0x5412, 0x541C)
"""TIOCSTI, TIOCLINUX."""
_NEW_USER: Final = 0x10000000
_X32: Final = 0x40000000

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST, _SECOND = 0, 4, 16, 24
"""Where the filter finds the call's number, the architecture and the lower halves of the arguments."""
_ALLOW, _ERROR = 0x7FFF0000, 0x00050000


def filter_program() -> bytes:
    """The filter for this machine; empty for a processor whose calls are not known here."""
    machine = _MACHINES.get(platform.machine())
    return b"" if machine is None else b"".join(_instructions(machine))


def _instructions(machine: _Machine) -> Iterator[bytes]:
    yield _step(_LOAD, _ARCHITECTURE)
    yield _step(_EQUAL, machine.audit, yes=1)
    yield _step(_RETURN, _ERROR | errno.ENOSYS)  # 32-bit programs number their calls otherwise
    yield _step(_LOAD, _NUMBER)
    yield from _refuse(_AT_LEAST, _X32, errno.ENOSYS)
    for number in (_CLONE3, *_IO_URING):
        yield from _refuse(_EQUAL, number, errno.ENOSYS)
    for number in machine.refused:
        yield from _refuse(_EQUAL, number, errno.EPERM)
    for number in (machine.clone, machine.unshare):
        yield from _where(number, _FIRST, [*_refuse(_ANY_BIT, _NEW_USER, errno.EPERM)])
    known = [_step(_EQUAL, family, yes=len(_FAMILIES) - place) for place, family in enumerate(_FAMILIES)]
    yield from _where(machine.socket, _FIRST, [*known, _step(_RETURN, _ERROR | errno.EAFNOSUPPORT)])
    typing = [step for request in _TERMINAL for step in _refuse(_EQUAL, request, errno.EPERM)]
    yield from _where(machine.ioctl, _SECOND, typing)
    yield _step(_RETURN, _ALLOW)


def _refuse(test: int, value: int, error: int) -> Iterator[bytes]:
    yield _step(test, value, no=1)
    yield _step(_RETURN, _ERROR | error)


def _where(number: int, argument: int, steps: list[bytes]) -> Iterator[bytes]:
    """Look at an argument of one call; what the steps do not end is allowed."""
    yield _step(_EQUAL, number, no=len(steps) + 2)
    yield _step(_LOAD, argument)
    yield from steps
    yield _step(_RETURN, _ALLOW)


def _step(code: int, value: int, *, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("=HBBI", code, yes, no, value)
