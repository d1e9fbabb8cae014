"""What the engine is asked to make: nothing more than a task needs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from sagewright.compute.base import Mount, Resources, Task
from sagewright.compute.containers import spec
from sagewright.compute.containers.spec import Kind, Place

DOCKER, PODMAN = Kind(podman=False, rootless=False), Kind(podman=True, rootless=False)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    (tmp_path / "ml" / "run").mkdir(parents=True)
    return tmp_path / "run"


def made(run: Path, place: Place | None = None, kind: Kind = DOCKER, **options: Any) -> dict[str, Any]:
    task = Task("t", ["train"], folder=run.parent / "ml", **options)
    return spec.of_task(task, "sha256:1", run, None, place or Place("none"), kind)


def targets(body: dict[str, Any], *, writable: bool) -> list[str]:
    return [each["Target"] for each in body["HostConfig"]["Mounts"] if each["ReadOnly"] is not writable]


def test_an_image_keeps_its_own_system(run: Path) -> None:
    body = made(run, image="sha256:1")
    assert set(targets(body, writable=True)) == {"/opt/ml", "/.sagewright/log"}
    own = [each for each in targets(body, writable=False) if not each.startswith("/.sagewright/")]
    assert own == ["/etc/hosts"]
    assert "User" not in body
    assert body["Cmd"] == ["train"]
    assert body["HostConfig"]["CapAdd"] == list(spec.CAPABILITIES)


def test_a_task_without_an_image_has_no_capability_and_writes_to_nothing_but_its_own(run: Path) -> None:
    body = made(run)
    settings = body["HostConfig"]
    assert (settings["CapDrop"], settings["CapAdd"], settings["ReadonlyRootfs"]) == (["ALL"], [], True)
    assert body["User"] == f"{os.getuid()}:{os.getgid()}"
    private = {"/tmp", "/home/sagemaker-user", "/var/tmp", "/run"}
    assert set(targets(body, writable=True)) == private | {"/opt/ml", "/.sagewright/log"}


def test_who_runs_a_rootless_engine_is_root_inside(run: Path) -> None:
    assert made(run, kind=Kind(podman=True, rootless=True))["User"] == "0:0"


@pytest.mark.parametrize("image", [None, "sha256:1"])
def test_no_container_gets_powers_or_the_engine(run: Path, image: str | None) -> None:
    settings = made(run, image=image)["HostConfig"]
    assert "no-new-privileges" in settings["SecurityOpt"]
    assert not settings.get("Privileged")
    assert not [each for each in settings["Mounts"] if each["Source"].endswith(".sock")]


def test_the_limits_are_the_resources(run: Path) -> None:
    limits = Resources(vcpus=1.5, memory_bytes=1 << 30, processes=100, disk_bytes=2 << 30)
    body = made(run, resources=limits)
    settings = body["HostConfig"]
    assert (settings["NanoCpus"], settings["Memory"], settings["MemorySwap"]) == (1_500_000_000, 1 << 30, 1 << 30)
    assert settings["PidsLimit"] == 100
    assert "ulimit -f 4194304;" in body["Entrypoint"][-2]


def test_the_environment_goes_where_no_command_line_is(run: Path) -> None:
    body = made(run, image="sha256:1", environment={"TOKEN": "secret\nline"})
    assert body["Env"] == ["TOKEN=secret\nline"]
    assert "secret" not in " ".join([*body["Entrypoint"], *body["Cmd"]])


def test_mounts_come_after_the_folder_that_they_are_in(run: Path) -> None:
    (run / "given").mkdir()
    mounts = [Mount(run / "given", "/opt/ml/input/data/train")]
    order = [each["Target"] for each in made(run, mounts=mounts)["HostConfig"]["Mounts"]]
    assert order.index("/opt/ml") < order.index("/opt/ml/input/data/train")


def test_names_of_a_private_network_take_the_place_of_the_tasks(run: Path) -> None:
    place = Place("net", "10.208.0.10", {"algo-1": "10.208.0.10", "algo-2": "10.208.0.11"})
    body = made(run, place, hosts={"algo-1": "127.0.0.1", "algo-2": "127.0.0.2"}, hostname="algo-1")
    assert body["NetworkingConfig"]["EndpointsConfig"]["net"]["IPAMConfig"] == {"IPv4Address": "10.208.0.10"}
    lines = (run / "etc" / "hosts").read_text().splitlines()
    assert "10.208.0.11\talgo-2" in lines
    assert not any(line.startswith("127.0.0.2") for line in lines)


def test_docker_takes_no_name_for_who_shares_a_network(run: Path) -> None:
    place = Place("container:porch")
    assert "Hostname" not in made(run, place, hostname="algo-1")
    assert made(run, place, PODMAN, hostname="algo-1")["Hostname"] == "algo-1"


def porch(run: Path, kind: Kind = DOCKER, **options: Any) -> dict[str, Any]:
    task = Task("t", ["serve"], folder=run.parent / "ml", **options)
    return spec.of_porch(task, "base", run, "127.0.0.1:4700", Place("net"), kind)


def test_a_porch_leads_to_this_server_and_to_what_is_served(run: Path) -> None:
    served = ["unix:/.sagewright/served/model.sock", "tcp:8080"]
    asked = ["tcp:4700", "unix:/.sagewright/porch/platform.sock"]
    serving: dict[str, Any] = {"image": "sha256:1", "socket": "/opt/ml/run/model.sock"}
    assert porch(run, **serving)["Cmd"] == [*asked, *served]
    assert porch(run, **serving, network="none")["Cmd"] == served
    assert porch(run)["Cmd"] == asked


def test_where_podman_would_let_networks_meet_the_porch_keeps_them_apart(run: Path) -> None:
    apart, left = porch(run, PODMAN), porch(run)
    assert (apart["HostConfig"]["CapAdd"], apart["Entrypoint"][-1]) == (["NET_ADMIN"], "10.208.0.0/13")
    assert (left["HostConfig"]["CapAdd"], left["Entrypoint"][-1]) == ([], "")
