"""Control groups: where ours go, and what is written into them."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from sagewright.compute import cgroups
from sagewright.compute.base import Resources
from sagewright.compute.cgroups import Cgroups

MIB = 1 << 20
MOUNTS = (
    "30 25 0:26 / /sys/fs/cgroup/unified rw,nosuid - cgroup2 cgroup2 rw\n"
    "31 25 0:27 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "32 25 0:28 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
)


def made(folder: Path, version: int, resources: Resources) -> dict[str, str]:
    groups = Cgroups(version, {"memory": folder / "a", "cpu": folder / ("a" if version == 2 else "b")})
    for parent in groups.parents.values():
        parent.mkdir(exist_ok=True)
    found = groups.make("task", resources)
    return {file.name: file.read_text() for group in found for file in group.iterdir()}


def test_limits_are_written_as_each_version_wants_them(tmp_path: Path) -> None:
    resources = Resources(vcpus=0.5, memory_bytes=100 * MIB)
    assert made(tmp_path, 1, resources) == {
        "memory.limit_in_bytes": "104857600",
        "memory.memsw.limit_in_bytes": "104857600",
        "cpu.cfs_period_us": "100000",
        "cpu.cfs_quota_us": "50000",
    }


def test_version_two_holds_both_in_one_group(tmp_path: Path) -> None:
    resources = Resources(vcpus=2, memory_bytes=MIB)
    assert made(tmp_path, 2, resources) == {
        "memory.max": "1048576",
        "memory.swap.max": "0",
        "cpu.max": "200000 100000",
    }


def test_processes_are_counted(tmp_path: Path) -> None:
    groups = Cgroups(1, {"pids": tmp_path})
    (group,) = groups.make("task", Resources(processes=100))
    assert (group / "pids.max").read_text() == "100"


def test_nothing_is_made_where_nothing_is_limited(tmp_path: Path) -> None:
    assert made(tmp_path, 1, Resources()) == {}
    assert Cgroups().make("task", Resources(vcpus=1, memory_bytes=1)) == ()


def test_groups_are_found_below_their_mounts(tmp_path: Path) -> None:
    mounts = cgroups._mounts(MOUNTS)
    assert mounts["memory"] == ("/docker/abc", Path("/sys/fs/cgroup/memory"))
    assert cgroups._place(mounts["memory"], "/docker/abc/x") == Path("/sys/fs/cgroup/memory/x")
    assert cgroups._place(mounts["memory"], "/elsewhere") is None
    assert cgroups._own("4:memory:/docker/abc/x\n1:cpu,cpuacct:/\n0::/u\n") == {
        "memory": "/docker/abc/x",
        "cpu": "/",
        "cpuacct": "/",
        "": "/u",
    }


def test_where_nothing_can_be_made_nothing_is_promised(tmp_path: Path) -> None:
    (tmp_path / "cgroup").write_text("4:memory:/x\n0::/u\n")
    (tmp_path / "mountinfo").write_text(f"31 25 0:27 / {tmp_path}/nowhere rw - cgroup cgroup rw,memory\n")
    assert cgroups.find(tmp_path) == Cgroups()
    assert cgroups.find(tmp_path / "no-proc-here") == Cgroups()


@pytest.mark.skipif("memory" not in cgroups.find().parents, reason="this user may not make control groups")
def test_groups_are_removed_and_removing_again_is_silent() -> None:
    found = cgroups.find().make(f"sagewright-test-{id(object())}", Resources(memory_bytes=MIB))
    assert all(folder.is_dir() for folder in found)
    cgroups.remove(found)
    cgroups.remove(found)
    assert not any(folder.exists() for folder in found)


@pytest.mark.skipif("memory" not in cgroups.find().parents, reason="this user may not make control groups")
def test_a_group_that_is_still_being_left_is_removed() -> None:
    (group,) = cgroups.find().make(f"sagewright-test-{os.getpid()}", Resources(memory_bytes=1 << 26))
    command = f"echo 0 > {group}/cgroup.procs && echo in && exec sleep 60"
    with subprocess.Popen(["sh", "-c", command], stdout=subprocess.PIPE) as inside:
        assert inside.stdout is not None
        assert inside.stdout.readline() == b"in\n"
        cgroups.remove([group])
        assert inside.wait(60) == -signal.SIGKILL
    assert not group.exists()


@pytest.mark.skipif("memory" not in cgroups.find().parents, reason="this user may not make control groups")
def test_what_a_killed_server_left_of_its_looking_is_removed() -> None:
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    left = cgroups.find().parents["memory"] / f"sagewright-probe-{ended.pid}"
    left.mkdir()
    cgroups.find()
    assert not left.exists()
