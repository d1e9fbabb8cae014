"""Workers that end, each in a process tree of its own."""

from __future__ import annotations

import subprocess
import sys
import textwrap

PRELUDE = """
import os, sys, time
from sagewright_container.serving import workers
from sagewright_container.serving.workers import supervise
workers._LOOK_S = 0.02
"""


def ended(work: str) -> tuple[int, str]:
    """The exit code of a supervisor with one worker, and what both said."""
    code = PRELUDE + textwrap.dedent(work)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stderr


def test_a_worker_that_ends_while_it_loads_ends_all() -> None:
    assert ended("sys.exit(supervise(2, lambda beat: 7))")[0] == 7


def test_one_that_ends_later_is_started_again_but_not_for_ever() -> None:
    code, said = ended("""
        def work(beat):
            beat()
            os.abort()

        sys.exit(supervise(1, work))
    """)
    assert code == 1
    assert said.count("A worker of the model server was ended by SIGABRT; another one takes its place.") == 5


def test_one_that_is_silent_for_too_long_is_killed() -> None:
    code, said = ended("""
        workers._MARGIN_S, workers._MOST_DEATHS = 0.1, 1

        def work(beat):
            beat()
            time.sleep(60)

        sys.exit(supervise(1, work, silence_s=0.1))
    """)
    assert code == 1
    assert "was ended by SIGKILL" in said


def test_a_stop_is_no_failure() -> None:
    code, said = ended("""
        import signal

        def work(beat):
            beat()
            os.kill(os.getppid(), signal.SIGTERM)
            signal.pause()

        sys.exit(supervise(1, work))
    """)
    assert (code, said) == (0, "")
