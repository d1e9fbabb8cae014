"""How hosts find each other: real sockets on the loopback network, one thread for each host."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from sagewright_container.training import meeting
from sagewright_container.training.cluster import Cluster, free_ports
from sagewright_container.training.failure import ClientError
from sagewright_container.training.meeting import Meeting, gather
from sagewright_container.training.ports import COUNT, FIRST, candidates

RUN = f"{os.getpid()}-{time.time_ns()}"
"""In every key: others may run these tests on this machine at the same time."""
HOSTS = ["127.0.0.1", "127.0.0.2", "127.0.0.3"]


def cluster(current: str, key: str, hosts: list[str] = HOSTS) -> Cluster:
    return Cluster(hosts, current, 1, "lo", f"{key} {RUN}")


Met = Callable[[str], list[Meeting]]


@pytest.fixture
def met() -> Iterator[Met]:
    """The meetings of all hosts of a job, once they have met."""
    found: list[Meeting] = []

    def meet(key: str) -> list[Meeting]:
        with ThreadPoolExecutor() as pool:
            asked = [pool.submit(gather, cluster(host, key), {"port": index}) for index, host in enumerate(HOSTS)]
            found.extend(future.result(60) for future in asked)
        return found

    yield meet
    for each in found:
        each.close()


def test_everybody_learns_about_everybody(met: Met) -> None:
    table = {host: {"port": index} for index, host in enumerate(HOSTS)}
    assert [dict(each.table) for each in met("everybody")] == [table] * 3


def test_one_host_meets_nobody() -> None:
    assert gather(cluster(HOSTS[0], "k", HOSTS[:1]), {"a": 1}).table == {HOSTS[0]: {"a": 1}}


def test_who_ends_is_heard(met: Met) -> None:
    master, second, third = met("ends")
    heard: dict[str, int | None] = {}
    both = threading.Semaphore(0)

    def ended(host: str, code: int | None) -> None:
        heard[host] = code
        both.release()

    master.watch(ended)
    second.leave(3)
    third._lines[HOSTS[0]].connection.shutdown(socket.SHUT_RDWR)  # as when it is killed
    assert both.acquire(timeout=60)
    assert both.acquire(timeout=60)
    assert heard == {HOSTS[1]: 3, HOSTS[2]: None}
    master.leave(0)
    assert second.wait() == 0


@contextmanager
def stranger(port: int) -> Iterator[None]:
    """Something else that listens on a job's first port, and says nothing of use."""
    with socket.create_server(("127.0.0.1", port)) as door:

        def answer() -> None:
            while True:
                try:
                    connection, _ = door.accept()
                except OSError:
                    return
                with connection:
                    connection.sendall(b"220 smtp.example.com\r\n")

        threading.Thread(target=answer, daemon=True).start()
        yield


def test_somebody_else_on_the_port(met: Met) -> None:
    with stranger(candidates(f"stranger {RUN}")[0]):
        assert len(met("stranger")[1].table) == 3


def test_who_does_not_know_the_key_is_not_let_in() -> None:
    pair = HOSTS[:2]
    with ThreadPoolExecutor() as pool:
        master = pool.submit(gather, cluster(pair[0], "secret", pair), {"port": 1})
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(meeting, "candidates", lambda _key: candidates(f"secret {RUN}"))
            with pytest.raises(ClientError, match="did not come"):
                gather(cluster(pair[1], "guessed", pair), {"port": 666}, patience=0.5)
        true = pool.submit(gather, cluster(pair[1], "secret", pair), {"port": 2})
        for each in (true.result(60), master.result(60)):
            assert each.table[pair[1]] == {"port": 2}
            each.close()


def test_who_does_not_come_is_named() -> None:
    with pytest.raises(ClientError, match=r"127\.0\.0\.2, 127\.0\.0\.3 did not come"):
        gather(cluster(HOSTS[0], "alone"), {}, patience=0.2)


def test_jobs_take_different_ports() -> None:
    assert candidates("a") == candidates("a")
    assert candidates("a")[0] != candidates("b")[0]
    assert all(FIRST <= port < FIRST + COUNT for port in candidates("a"))
    assert len(set(candidates("a"))) == len(candidates("a"))
    assert len(set(free_ports(3))) == 3
