"""A server that stands by loads what is the same for every model, and waits for a call."""

from __future__ import annotations

import socket
import sys
import threading
import time
from pathlib import Path

import pytest

from sagewright_container.serving import standby


def test_it_waits_for_the_call_and_not_a_second_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "s"
    (tmp_path / "loaded_ahead.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(standby, "_MODULES", {"image": ("loaded_ahead", "not_there")})
    monkeypatch.setattr(standby, "_SERVERS", ())
    monkeypatch.setenv("SAGEWRIGHT_STANDBY_UDS", str(path))
    waiting = threading.Thread(target=standby.stand_by, args=("image",))
    waiting.start()
    end = time.monotonic() + 60
    with socket.socket(socket.AF_UNIX) as caller:
        while caller.connect_ex(str(path)):
            assert time.monotonic() < end
            waiting.join(0.005)
    waiting.join(60)
    assert not waiting.is_alive()
    assert "loaded_ahead" in sys.modules
    standby.stand_by("image")  # a worker that takes the place of one that was called


def test_without_a_place_to_wait_at_nothing_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SAGEWRIGHT_STANDBY_UDS", raising=False)
    monkeypatch.setattr(standby, "_SERVERS", ("does.not.matter",))
    standby.stand_by("scikit-learn")
