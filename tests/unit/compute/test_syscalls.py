"""The filter's program, run by a small interpreter: what the kernel would say to each call."""

from __future__ import annotations

import errno
import platform
import struct

import pytest

from sagewright.compute import syscalls

ALLOWED = 0x7FFF0000
MACHINES = {
    "x86_64": {"audit": 0xC000003E, "read": 0, "socket": 41, "clone": 56, "ioctl": 16, "keyctl": 250, "bpf": 321},
    "aarch64": {"audit": 0xC00000B7, "read": 63, "socket": 198, "clone": 220, "ioctl": 29, "keyctl": 219, "bpf": 280},
}


def verdict(program: bytes, number: int, arguments: tuple[int, ...] = (), *, audit: int) -> int:
    """An error number, or 0 for what is allowed."""
    data = struct.pack("=IIQ6Q", number, audit, 0, *arguments, *[0] * (6 - len(arguments)))
    steps = list(struct.iter_unpack("=HBBI", program))
    place = value = 0
    while True:
        code, yes, no, operand = steps[place]
        place += 1
        if code == 0x06:
            return 0 if operand == ALLOWED else int(operand & 0xFFFF)
        if code == 0x20:
            value = struct.unpack_from("=I", data, operand)[0]
            continue
        true = {0x15: value == operand, 0x35: value >= operand, 0x45: bool(value & operand)}[code]
        place += yes if true else no


@pytest.mark.parametrize("machine", list(MACHINES))
def test_calls_are_told_apart(monkeypatch: pytest.MonkeyPatch, machine: str) -> None:
    monkeypatch.setattr(platform, "machine", lambda: machine)
    program, numbers = syscalls.filter_program(), MACHINES[machine]

    def ask(name: str, *arguments: int) -> int:
        return verdict(program, numbers[name], arguments, audit=numbers["audit"])

    assert ask("read", 0x10000000) == 0
    assert ask("keyctl") == ask("bpf") == errno.EPERM
    assert [ask("socket", family) for family in (1, 2, 10, 16)] == [0] * 4
    assert [ask("socket", family) for family in (40, 38, 17, 21)] == [errno.EAFNOSUPPORT] * 4
    assert ask("clone", 0x00010000) == 0
    assert ask("clone", 0x10000000 | 17) == errno.EPERM
    assert ask("ioctl", 0, 0x5401) == 0
    assert ask("ioctl", 0, 0x5412) == errno.EPERM
    assert ask("ioctl", 0, 0x1_0000_5412) == errno.EPERM  # the kernel looks at the lower half, and so do we
    assert verdict(program, 435, audit=numbers["audit"]) == errno.ENOSYS
    assert verdict(program, 425, audit=numbers["audit"]) == errno.ENOSYS
    assert verdict(program, 0x40000000 | numbers["read"], audit=numbers["audit"]) == errno.ENOSYS
    assert verdict(program, numbers["read"], audit=0x40000003) == errno.ENOSYS


def test_an_unknown_machine_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert syscalls.filter_program() == b""
