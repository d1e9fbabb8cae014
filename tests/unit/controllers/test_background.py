"""Work in threads that can be called back."""

from __future__ import annotations

import threading

from sagewright.controllers.background import Background


def test_work_is_done_once_and_ends_when_it_is_asked_to() -> None:
    background, begun = Background(), []

    def work(stop: threading.Event) -> None:
        begun.append(threading.current_thread().name)
        stop.wait(60)

    for name in ("t/a", "t/b", "t/a", "u/a"):
        background.start(name, work)
    background.stop("t/")
    assert [background.running(name) for name in ("t/a", "t/b", "u/a")] == [False, False, True]
    background.stop("")
    assert sorted(begun) == ["t/a", "t/b", "u/a"]
    background.start("t/a", lambda _: None)
    background.stop("t/a")
    assert not background.running("t/a")
