"""Script mode, run for real with small scripts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sagewright_container.contract import TrainingEnvironment
from sagewright_container.training import failure, hosts, launch
from sagewright_container.training.failure import ClientError

SRC = Path(__file__).parents[3] / "src"


def start(folder: Any, **environ: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "sagewright_container.training"]
    fixed = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(SRC),
        "SAGEMAKER_BASE_DIR": str(folder.base),
        "SAGEWRIGHT_REQUIREMENTS_DONE": "1",
    }
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env={**fixed, **environ}, stdout=pipe, stderr=pipe, text=True)


def train(folder: Any, script: str, **hyperparameters: str) -> tuple[int, str, str]:
    folder.configure({"sagemaker_program": '"train.py"', **hyperparameters}, {"train": {}})
    folder.write("code/train.py", script)
    with start(folder) as process:
        out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def test_a_script_gets_arguments_environment_and_folder(folder: Any) -> None:
    folder.write("code/helper.py", "WORD = 'helped'")
    script = "import os, sys, helper; print(sys.argv, os.getcwd(), os.environ['SM_CHANNEL_TRAIN'], helper.WORD)"
    code, out, _ = train(folder, script, lr="0.1")
    base = folder.base
    assert code == 0
    assert out == f"['train.py', '--lr', '0.1'] {base}/code {base}/input/data/train helped\n"
    assert not (base / "output/failure").exists()


def test_a_failed_script_is_reported_in_the_toolkits_form(folder: Any) -> None:
    code, _, err = train(folder, "def f():\n    raise ValueError('bad data')\nf()")
    assert code == 1
    assert err.endswith("ValueError: bad data\n")
    lines = folder.failure.splitlines()
    assert lines[:2] == ["ExecuteUserScriptError:", "ExitCode 1"]
    assert lines[2] == 'ErrorMessage "Traceback (most recent call last):'
    assert lines[-2:] == ['ValueError: bad data"', f'Command "{sys.executable} train.py"']


def test_the_exit_code_is_the_scripts(folder: Any) -> None:
    assert train(folder, "import sys; sys.exit(7)")[0] == 7
    assert "ExitCode 7" in folder.failure


def test_a_killed_script_ends_as_a_shell_says_it(folder: Any) -> None:
    assert train(folder, "import os; os.kill(os.getpid(), 9)")[0] == 137
    assert "ran out of memory" in folder.failure


def test_output_is_live_and_a_stop_is_passed_on(folder: Any) -> None:
    folder.configure({"sagemaker_program": '"train.py"'})
    folder.write(
        "code/train.py",
        "import signal, sys\n"
        "def save(*_): print('saved'); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, save); print('ready'); signal.pause()\n",
    )
    with start(folder) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"  # would not come before the end if it were buffered
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=120)[0] == "saved\n"
    assert process.returncode == 0


def test_what_a_script_leaves_running_does_not_keep_the_job(tmp_path: Path) -> None:
    """It holds the standard error that is relayed. A process of its own: `run` changes its folder."""
    script = "sleep 60 >/dev/null & echo $! >left; echo last words >&2; exit 3"
    code = f"""if True:
        from sagewright_container.training.relay import run
        ended = run(["/bin/sh", "-c", {script!r}], cwd={str(tmp_path)!r}, environ={{}})
        print(ended.exit_code, ended.stderr_tail)"""
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, timeout=120, check=True)
    os.kill(int((tmp_path / "left").read_text()), signal.SIGKILL)
    assert done.stdout.split() == ["3", "last", "words"]


def test_a_shell_script_is_made_executable_and_run(folder: Any) -> None:
    folder.configure({"sagemaker_program": '"run me.sh"', "word": '"it\'s"'})
    folder.write("code/run me.sh", '#!/bin/sh\necho "$0|$1|$2"')
    with start(folder) as process:
        out, err = process.communicate(timeout=120)
    assert out == "./run me.sh|--word|it's\n", err


def test_a_package_is_installed_and_runs_as_a_module(folder: Any, tmp_path: Path) -> None:
    folder.configure({"sagemaker_program": '"entry.py"'})
    folder.write("code/setup.py", "")
    folder.write("code/entry.py", "print(__spec__.name)")
    folder.write("bin/uv", '#!/bin/sh\necho "$1 $2 ${6}"').chmod(0o755)
    with start(folder, PATH=f"{tmp_path}/bin:{os.environ['PATH']}") as process:
        assert process.communicate(timeout=120)[0] == "pip install .\nentry\n"


def test_a_local_submit_directory_stands_in_for_an_empty_code_folder(folder: Any, tmp_path: Path) -> None:
    folder.write("mine/train.py", "print('mine')")
    folder.configure({"sagemaker_program": "train.py", "sagemaker_submit_directory": f"{tmp_path}/mine"})
    with start(folder) as process:
        assert process.communicate(timeout=120)[0] == "mine\n"


@pytest.mark.parametrize(
    ("hyperparameters", "sentence"),
    [
        ({}, "No training script was named"),
        ({"sagemaker_program": "other.py"}, "There is no 'other.py' in the source directory"),
        ({"sagemaker_program": "../train.py"}, "is not a path inside the source directory"),
        ({"sagemaker_program": "/bin/ls"}, "is not a path inside the source directory"),
        (
            {"sagemaker_program": "train.py", "sagemaker_pytorch_xla_multi_worker_enabled": "true"},
            "no launcher for sagemaker_pytorch_xla",
        ),
        ({"sagemaker_program": "a.ipynb", "sagemaker_mpi_enabled": "true"}, "A notebook runs as one process"),
    ],
)
def test_what_cannot_be_run(folder: Any, hyperparameters: dict[str, str], sentence: str) -> None:
    folder.configure(hyperparameters)
    folder.write("code/train.py", "")
    folder.write("code/a.ipynb", "{}")
    with pytest.raises(ClientError, match=sentence):
        launch.prepare(TrainingEnvironment(folder.contract, {}))


def test_code_that_was_not_staged(folder: Any) -> None:
    folder.configure({"sagemaker_program": "train.py", "sagemaker_submit_directory": "s3://b/sourcedir.tar.gz"})
    with start(folder) as process:
        process.communicate(timeout=120)
    assert process.returncode == 1
    assert folder.failure.startswith("The code at s3://b/sourcedir.tar.gz was not staged")


def test_requirements_are_installed_unless_the_platform_has(folder: Any, tmp_path: Path) -> None:
    folder.configure({"sagemaker_program": "train.py"})
    folder.write("code/train.py", "print('ran')")
    folder.write("code/requirements.txt", "no-such-thing")
    folder.write("bin/uv", '#!/bin/sh\necho "$@"; echo "no network" >&2; exit 3').chmod(0o755)
    path = f"{tmp_path}/bin:{os.environ['PATH']}"
    with start(folder, PATH=path, SAGEWRIGHT_REQUIREMENTS_DONE="") as process:
        out, _ = process.communicate(timeout=120)
    assert out == f"pip install --python {sys.executable} -r requirements.txt\n"
    assert process.returncode == 1
    assert folder.failure.startswith('InstallRequirementsError:\nExitCode 3\nErrorMessage "no network"\n')


def test_a_long_error_keeps_its_last_line_within_what_is_shown() -> None:
    stderr = "noise\n" * 1000 + "Traceback (most recent call last):\n" + '  File "a.py"\n' * 500 + "KeyError: 'x'\n"
    text = failure.report(failure.EXECUTE, ["python", "train.py", "--x" * 500], 1, stderr)
    assert len(text) <= 1000
    assert "KeyError: 'x'\"\nCommand \"python train.py" in text


def test_what_launchers_add_is_left_out_of_the_reason() -> None:
    stderr = (
        "[1,1]<stderr>: Traceback (most recent call last):\n[1,1]<stderr>:   File x\n[1,1]<stderr>: ValueError: bad\n"
        "[1,1]<stderr>: -----------------------------------------\n[1,1]<stderr>: MPI_ABORT was invoked\n"
    )
    told = failure.report(failure.EXECUTE, ["mpirun"], 1, stderr)
    assert 'ErrorMessage "Traceback (most recent call last):\n  File x\nValueError: bad"\nCommand' in told
    ranked = (
        "[rank1]: Traceback (most recent call last):\n[rank1]: KeyError: 'a'\n[W1129 12:00:00.1 x.cpp:3] Warning: z\n"
    )
    assert "Traceback (most recent call last):\nKeyError: 'a'\"\n" in failure.report(failure.EXECUTE, ["p"], 1, ranked)


def test_what_cannot_work_here_is_explained() -> None:
    told = failure.report(failure.EXECUTE, ["p"], 1, "ModuleNotFoundError: No module named 'smdistributed'")
    assert "ExtraInfo \"Amazon's smdistributed libraries are closed" in told
    assert failure.report(failure.EXECUTE, ["p"], 1, "ValueError: x").count("ExtraInfo") == 0


def test_a_stop_reaches_what_a_shell_script_started(folder: Any) -> None:
    folder.configure({"sagemaker_program": '"train.sh"'})
    save = "import signal, sys\ndef save(*_): print('saved', flush=True); sys.exit(0)\n"
    folder.write(
        "code/train.py", save + "signal.signal(signal.SIGTERM, save); print('ready', flush=True); signal.pause()"
    )
    folder.write("code/train.sh", f"#!/bin/sh\ntrap '' TERM\n{sys.executable} train.py\n")
    with start(folder) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=120)[0] == "saved\n"


def test_where_pytorch_processes_meet_differs_from_job_to_job(folder: Any) -> None:
    folder.configure({"sagemaker_program": '"train.py"'})
    folder.write("code/train.py", "import os; print(os.environ['MASTER_ADDR'], os.environ['MASTER_PORT'])")
    told = []
    for job in ("a", "b"):
        with start(folder, TRAINING_JOB_NAME=job) as process:
            told.append(process.communicate(timeout=120)[0])
    assert told[0] != told[1]
    with start(folder, MASTER_PORT="29500") as process:
        assert process.communicate(timeout=120)[0] == "127.0.0.1 29500\n"


def test_waiting_for_hosts_ends_when_all_have_names() -> None:
    misses = {"algo-1": 0, "algo-2": 3}
    pauses: list[float] = []

    def look_up(host: str) -> None:
        misses[host] -= 1
        if misses[host] >= 0:
            raise OSError

    hosts.wait(["algo-1", "algo-2"], look_up=look_up, sleep=pauses.append)
    assert pauses == [0.1, 0.2, 0.4]


def test_waiting_for_hosts_has_an_end() -> None:
    now = [0.0]

    def look_up(_host: str) -> None:
        raise OSError

    def sleep(pause: float) -> None:
        now[0] += pause

    with pytest.raises(ClientError, match="algo-2 of this job could not be found"):
        hosts.wait(["algo-2"], look_up=look_up, clock=lambda: now[0], sleep=sleep)
    assert now[0] >= hosts.PATIENCE_S
