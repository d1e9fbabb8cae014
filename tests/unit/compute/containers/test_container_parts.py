"""The smaller parts of the container engine, without an engine."""

from __future__ import annotations

import ipaddress
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sagewright.base.clock import SystemClock
from sagewright.base.errors import Terminal
from sagewright.compute import container
from sagewright.compute.container import ContainerEngine
from sagewright.compute.containers import base_image, confinement, images, networks, relay
from sagewright.compute.containers.api import Api, Refused


class Played(Api):
    """An engine's answers, by method and path; what was asked is kept."""

    def __init__(self, answers: dict[tuple[str, str], Any]) -> None:
        super().__init__("/nowhere")
        self.answers, self.asked = answers, list[tuple[str, str, Any, Any]]()

    def call(self, method: str, path: str, query: Any = None, body: Any = None, **_: Any) -> Any:
        self.asked.append((method, path, query, body))
        answer = self.answers.get((method, path), Refused(404, "not there"))
        answer = answer.pop(0) if isinstance(answer, list) else answer
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_hosts_have_the_same_addresses_whoever_asks() -> None:
    subnet = ipaddress.IPv4Network("10.208.2.0/23")
    found = networks.addresses(subnet, [f"algo-{number}" for number in range(254, 0, -1)])
    assert (found["algo-1"], found["algo-2"], found["algo-10"]) == ("10.208.2.10", "10.208.2.11", "10.208.2.19")
    assert all(ipaddress.IPv4Address(each) in subnet for each in found.values())


def test_a_network_whose_place_is_taken_goes_elsewhere() -> None:
    there = {"IPAM": {"Config": [{"Subnet": "10.210.0.0/23"}]}}
    taken = Refused(500, "subnet is used")
    engine = Played(
        {
            ("GET", "/networks/n"): [Refused(404, ""), Refused(404, ""), there],
            ("POST", "/networks/create"): [taken, {"Id": "1"}],
        }
    )
    assert str(networks.ensure(engine, "n", {}, internal=True)) == "10.210.0.0/23"
    tried = [body["IPAM"]["Config"][0]["Subnet"] for method, _, _, body in engine.asked if method == "POST"]
    assert len(set(tried)) == 2


@pytest.mark.parametrize("status", [403, 404, 409, 500])
def test_a_network_that_others_are_in_stays(status: int) -> None:
    networks.remove(Played({("DELETE", "/networks/n"): Refused(status, "in use")}), "n")


HELD = {"Id": "sha256:1", "Config": {"Entrypoint": ["/run"]}}


def test_podman_is_told_where_there_is_no_tls() -> None:
    for address, tls in (("127.0.0.1:4700/a:1", "false"), ("localhost:4700/a", "false"), ("example.com/a", "true")):
        engine = Played({("POST", "/libpod/images/pull"): {}, ("GET", f"/images/{address}/json"): HELD})
        assert images.pull(engine, address, None, podman=True).entrypoint == ("/run",)
        assert engine.asked[0][2]["tlsVerify"] == tls


def test_docker_fetches_one_image_and_not_all_of_its_tags() -> None:
    for address, tag in (("h:1/a", {"tag": "latest"}), ("h:1/a:2", {}), (f"h:1/a@sha256:{'0' * 64}", {})):
        engine = Played({("POST", "/images/create"): {}, ("GET", f"/images/{address}/json"): HELD})
        images.pull(engine, address, None, podman=False)
        assert engine.asked[0][2] == {"fromImage": address, **tag}


def test_why_an_image_cannot_be_had_is_said() -> None:
    answers: list[Any] = [[{"status": "pulling"}, {"error": "denied: not yours."}], Refused(500, "denied: not yours")]
    for answer in answers:
        engine = Played({("POST", "/images/create"): answer if isinstance(answer, Refused) else [answer]})
        with pytest.raises(Terminal, match="h:1/a cannot be fetched: denied: not yours"):
            images.pull(engine, "h:1/a", None, podman=False)


def test_the_base_is_made_once_of_the_same_bytes() -> None:
    assert base_image.root() == base_image.root()
    path = f"/images/{base_image.name()}:latest/json"
    engine = Played({("GET", path): [Refused(404, ""), HELD], ("POST", "/images/create"): {}})
    assert base_image.ensure(engine) == "sha256:1"
    assert base_image.ensure(Played({("GET", path): HELD})) == "sha256:1"


def test_the_filter_refuses_what_reaches_past_a_container() -> None:
    known = {
        "defaultAction": "SCMP_ACT_ERRNO",
        "syscalls": [
            {"names": ["read", "keyctl", "unshare", "clone"], "action": "SCMP_ACT_ALLOW", "args": []},
            {"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": None},
        ],
    }
    rules = confinement.profile(known)["syscalls"]
    assert rules[0]["names"] == ["read"]
    families = [rule["args"][0]["value"] for rule in rules if rule["names"] == ["socket"]]
    assert 40 not in families
    assert {1, 2, 10} <= set(families)
    assert [rule["args"][0]["op"] for rule in rules if rule["names"] == ["clone"]] == ["SCMP_CMP_MASKED_EQ"]
    json.dumps(rules)


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[str]:
    """The address of a relay to `served` in the same folder."""
    with relay.listen(f"unix:{tmp_path}/asked") as server:
        carrying = threading.Thread(target=relay.carry, args=(server, f"unix:{tmp_path}/served"))
        carrying.start()
        yield f"unix:{tmp_path}/asked"
        server.shutdown(socket.SHUT_RDWR)
        carrying.join()


def test_a_relay_carries_both_ways_and_half_closed(tmp_path: Path, asked: str) -> None:
    served = relay.listen(f"unix:{tmp_path}/served")
    size = 3 << 20

    def serve() -> None:
        with served:
            client, _ = served.accept()
        got = b"".join(iter(lambda: client.recv(1 << 16), b""))
        client.sendall(got[::-1])
        client.close()

    serving = threading.Thread(target=serve)
    serving.start()
    sent = bytes(range(256)) * (size // 256)
    with relay.connect(asked) as client:
        client.settimeout(60)
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        assert b"".join(iter(lambda: client.recv(1 << 16), b"")) == sent[::-1]
    serving.join()


def test_who_asks_whom_cannot_be_reached_is_told_so_whatever_he_sends(asked: str) -> None:
    with relay.connect(asked) as client:
        client.settimeout(60)
        client.sendall(bytes(3 << 20))
        client.shutdown(socket.SHUT_WR)
        assert b"".join(iter(lambda: client.recv(1 << 16), b"")) == relay.NOT_REACHED


def test_an_engine_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(Terminal, match=r"No container engine answers at .*--container-socket unix:///PATH"):
        ContainerEngine(tmp_path, SystemClock(), str(tmp_path / "none.sock"))
    with pytest.raises(Terminal, match="takes the address of a Unix socket"):
        container.find_socket("tcp://127.0.0.1:2375")
    assert container.find_socket("unix:///run/x.sock") == "/run/x.sock"
