"""A call reaches who is ready for it, and nobody else."""

from __future__ import annotations

import socket
from pathlib import Path

from sagewright.controllers.standby import connect, environment


def test_it_is_not_made_before_somebody_is_there_and_may_be_made_again(tmp_path: Path) -> None:
    server, path = tmp_path / "model.sock", tmp_path / "standby.sock"
    assert not connect(server)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(1)
        assert connect(server)
        listener.accept()[0].close()
    assert connect(server), "it was called, and does not listen any more"


def test_a_link_to_somebody_elses_socket_is_not_followed(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "other"))
        listener.listen(1)
        (tmp_path / "standby.sock").symlink_to(tmp_path / "other")
        assert not connect(tmp_path / "model.sock")


def test_the_task_is_told_where_to_wait() -> None:
    assert environment("/opt/ml/run/model.sock") == {"SAGEWRIGHT_STANDBY_UDS": "/opt/ml/run/standby.sock"}
