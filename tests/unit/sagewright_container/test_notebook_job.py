"""Notebook jobs up to the notebook itself, which needs a kernel: the client tests have one."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest

from sagewright_container.contract import Contract
from sagewright_container.training.notebook_job import NotebookJob, StepError, output_name


@pytest.fixture
def job(tmp_path: Path) -> NotebookJob:
    channel = tmp_path / "input/data/sagemaker_headless_execution"
    channel.mkdir(parents=True)
    (channel / "report.ipynb").write_text("{}")
    (tmp_path / "output/data").mkdir(parents=True)
    names = {"SM_INPUT_NOTEBOOK_NAME": "report.ipynb", "SM_OUTPUT_NOTEBOOK_NAME": "done.ipynb"}
    return NotebookJob({"PATH": os.environ["PATH"], "TMPDIR": str(tmp_path), **names}, Contract(str(tmp_path)))


def failure(job: NotebookJob) -> str:
    with pytest.raises(StepError) as caught:
        job.run(io.StringIO())
    return job.failure(str(caught.value))


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("done.ipynb", "done.ipynb"),
        ("report-2026-11-29T12:00:01.5Z-.ipynb", "report-2026-11-29T12-00-01-5Z.ipynb"),
        ("a.b.ipynb", "a-b.ipynb"),
    ],
)
def test_an_outputs_name_has_no_points_and_colons(name: str, written: str) -> None:
    assert output_name(name) == written


def test_what_an_init_script_exports_the_notebook_finds(job: NotebookJob, monkeypatch: pytest.MonkeyPatch) -> None:
    Path(job.folder, "init.sh").write_text("export MOOD='fine\nindeed'\necho hello\n")
    job.environ["SM_INIT_SCRIPT"] = "init.sh"
    log = io.StringIO()
    monkeypatch.setattr(sys, "executable", "/bin/true")
    job.run(log)
    assert job.environ["MOOD"] == "fine\nindeed"
    assert "hello\n" in log.getvalue()
    assert Path(job.output, "report.ipynb").exists()


@pytest.mark.parametrize(
    ("variables", "files", "words"),
    [
        ({"SM_INPUT_NOTEBOOK_NAME": "none.ipynb"}, {}, "[SM-000] Error with Prepare the input notebook\nCannot find"),
        ({"SM_INPUT_NOTEBOOK_NAME": ""}, {}, "Input notebook name is not specified"),
        ({"SM_JOB_DEF_VERSION": "2.0"}, {}, "[SM-100] Error with checking sagemaker job definition version\nCannot"),
        (
            {"SM_LCC_INIT_SCRIPT": "lcc.sh"},
            {"lcc.sh": "echo no disk left; exit 3\n"},
            "[SM-100] Error with running LCC script as init-script\nno disk left",
        ),
        ({"SM_OUTPUT_NOTEBOOK_NAME": ""}, {}, "[SM-100] Error with executing notebook\nERROR - Output notebook name"),
    ],
)
def test_a_failure_says_where_and_why(
    job: NotebookJob, variables: dict[str, str], files: dict[str, str], words: str
) -> None:
    for name, text in files.items():
        Path(job.folder, name).write_text(text)
    asked = NotebookJob({**job.environ, **variables}, Contract(str(Path(job.output).parents[1])))
    assert words in failure(asked)


def test_a_long_failure_keeps_its_end(job: NotebookJob) -> None:
    text = job.failure("x" * 5000 + "\nZeroDivisionError: division by zero\n")
    assert len(text) <= 1024
    assert text.endswith("division by zero")


def test_a_home_that_cannot_be_shown_is_told(job: NotebookJob, tmp_path: Path) -> None:
    log = io.StringIO()
    job.environ["SM_EFS_MOUNT_PATH"] = str(tmp_path)
    job._show_as_home(log)
    assert "not at" in log.getvalue()
    job.environ["SM_EFS_MOUNT_PATH"] = str(tmp_path / "home" / "user")
    job._show_as_home(log)
    assert (tmp_path / "home" / "user" / "report.ipynb").exists()
