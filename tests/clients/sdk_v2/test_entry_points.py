"""Own code in every form that SDK v2 takes: scripts, packages, programs, notebooks, from a folder, S3 and git."""

import json
import subprocess
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sagemaker.sklearn import SKLearn

SCRIPTS = Path(__file__).parents[1] / "scripts"
WRITE = """
import json, os, sys
with open(os.path.join(os.environ["SM_MODEL_DIR"], "told.json"), "w") as file:
    json.dump({"arguments": sys.argv[1:], **TOLD}, file)
"""


def write(folder: Path, files: dict[str, str]) -> Path:
    """Files in a folder, by their paths."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    return folder


def script(told: str) -> str:
    return WRITE.replace("TOLD", told)


@pytest.fixture(scope="module")
def estimator(session: Any, role: str) -> Callable[..., SKLearn]:
    def make(entry_point: str, **options: Any) -> SKLearn:
        return SKLearn(
            entry_point=entry_point,
            role=role,
            instance_type="ml.m5.large",
            framework_version="1.2-1",
            sagemaker_session=session,
            **options,
        )

    return make


def told(run: Callable[..., Any], estimator: SKLearn, inputs: Any = None) -> dict[str, Any]:
    """What the script left in its model folder."""
    model = run(estimator, inputs)
    return dict(json.loads(model["told.json"]))


def test_a_folder_with_modules_beside_the_script(estimator: Any, run: Any, tmp_path: Path) -> None:
    write(tmp_path, {"train.py": "import helper\n" + script("helper.TOLD"), "helper.py": "TOLD = {'word': 'helped'}"})
    made = estimator("train.py", source_dir=str(tmp_path), hyperparameters={"lr": 0.1, "words": "a b"})
    assert told(run, made) == {"word": "helped", "arguments": ["--lr", "0.1", "--words", "a b"]}


def test_dependencies_and_environment(estimator: Any, run: Any, tmp_path: Path) -> None:
    body = "import shared.words\n" + script("{'word': shared.words.WORD, 'mine': os.environ['MINE']}")
    write(tmp_path, {"train.py": body, "shared/__init__.py": "", "shared/words.py": "WORD = 'library'"})
    made = estimator(
        str(tmp_path / "train.py"),
        dependencies=[str(tmp_path / "shared")],
        environment={"MINE": "told"},
        enable_sagemaker_metrics=True,
    )
    assert told(run, made) == {"word": "library", "mine": "told", "arguments": []}
    assert made.latest_training_job.describe()["AlgorithmSpecification"]["EnableSageMakerMetricsTimeSeries"] is True


def test_a_package_is_installed_and_run_as_a_module(estimator: Any, run: Any, tmp_path: Path) -> None:
    setup = "from setuptools import setup\nsetup(name='houses', version='1.5', py_modules=['train'])"
    body = "import importlib.metadata\n" + script(
        "{'name': __spec__.name, 'version': importlib.metadata.version('houses')}"
    )
    write(tmp_path, {"setup.py": setup, "train.py": body})
    made = estimator("train.py", source_dir=str(tmp_path), hyperparameters={"n": 1})
    assert told(run, made) == {"name": "train", "version": "1.5", "arguments": ["-n", "1"]}


def test_a_shell_script(estimator: Any, run: Any, tmp_path: Path) -> None:
    body = (
        '#!/bin/sh\nprintf \'{"arguments": "%s", "from": "%s"}\' "$*" "$SM_CURRENT_HOST" > "$SM_MODEL_DIR/told.json"\n'
    )
    write(tmp_path, {"train.sh": body})
    made = estimator("train.sh", source_dir=str(tmp_path), hyperparameters={"lr": 0.5})
    assert told(run, made) == {"arguments": "--lr 0.5", "from": "algo-1"}


def test_code_in_s3(estimator: Any, run: Any, source: Callable[[Path], str], tmp_path: Path) -> None:
    write(tmp_path, {"train.py": script("{'from': 'S3'}")})
    assert told(run, estimator("train.py", source_dir=source(tmp_path / "train.py"))) == {"from": "S3", "arguments": []}


def test_code_in_git(estimator: Any, run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"houses/train.py": script("{'from': 'git'}")})
    who = ["-c", "user.name=n", "-c", "user.email=e@example.com"]
    for command in (["init", "-q", "-b", "main"], ["add", "."], [*who, "commit", "-qm", "First"]):
        subprocess.run(["git", "-C", str(tmp_path), *command], check=True)
    # The SDK takes addresses of hosts only; git itself is told where this one is.
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.file://{tmp_path}.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "https://git.example.com/houses")
    git = {"repo": "https://git.example.com/houses", "branch": "main"}
    assert told(run, estimator("train.py", source_dir="houses", git_config=git)) == {"from": "git", "arguments": []}


def test_a_notebook(estimator: Any, run: Any, uploaded: str, session: Any) -> None:
    made = estimator(str(SCRIPTS / "housing.ipynb"), hyperparameters={"n-estimators": 7})
    model = run(made, {"train": uploaded})
    assert json.loads(model["model.json"]) == {"mean": pytest.approx(22.5328, abs=1e-4), "n_estimators": 7}
    kept = json.loads(run.unpacked(made, "output.tar.gz")["housing.ipynb"])
    sources = ["".join(cell["source"]) for cell in kept["cells"]]
    assert sources[2] == "# Hyperparameters\nn_estimators = 7"
    assert kept["cells"][3]["outputs"][0]["text"] in ("rows=506; n_estimators=7\n", ["rows=506; n_estimators=7\n"])


def test_a_cell_that_fails_says_why(estimator: Any, run: Any, uploaded: str) -> None:
    made = estimator(str(SCRIPTS / "housing.ipynb"), hyperparameters={"fail": True})
    reason = run.failed(made, {"train": uploaded})
    assert reason.startswith("AlgorithmError: ExecuteUserScriptError:")
    assert "ValueError: this cell was told to fail" in reason


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("raise KeyError('no such column')", "KeyError: 'no such column'"),
        ("import sys; sys.exit(9)", "ExitCode 9"),
    ],
)
def test_a_script_that_fails_says_why(estimator: Any, run: Any, tmp_path: Path, body: str, words: str) -> None:
    write(tmp_path, {"train.py": body})
    reason = run.failed(estimator(str(tmp_path / "train.py")))
    assert words in reason
    assert len(reason) <= 1024


def test_intermediate_output_is_kept_while_the_job_runs(
    estimator: Any, session: Any, tmp_path: Path, eventually: Callable[..., Any]
) -> None:
    body = """
    import os, time
    with open(os.path.join(os.environ["SM_OUTPUT_INTERMEDIATE_DIR"], "first.txt"), "w") as file:
        file.write("early")
    time.sleep(100)
    """
    write(tmp_path, {"train.py": body})
    bucket = session.default_bucket()
    made = estimator(str(tmp_path / "train.py"), hyperparameters={"sagemaker_s3_output": f"s3://{bucket}/intermediate"})
    made.fit(wait=False)
    name = made.latest_training_job.name
    s3 = session.boto_session.client("s3")
    prefix = f"intermediate/{name}/output/intermediate/"
    found = eventually(lambda: s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents"))
    assert [each["Key"] for each in found] == [f"{prefix}first.txt"]
    made.latest_training_job.stop()
