"""Notebook jobs: the training jobs that SDK v2's `NotebookJobStep` and Studio's scheduler compose around a notebook."""

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from sagemaker.workflow.notebook_job_step import NotebookJobStep
from sagemaker.workflow.pipeline_definition_config import PipelineDefinitionConfig
from sagemaker.workflow.utilities import step_compilation_context_manager

DISTRIBUTION = "885854791233.dkr.ecr.us-east-1.amazonaws.com/sagemaker-distribution-prod:2.0.0-cpu"


def notebook(*sources: str, tagged: str = "", kernel: str = "python3") -> str:
    """A notebook as Jupyter saves it; the first cell may be tagged."""
    cells: list[dict[str, Any]] = [
        {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": source}
        for source in sources
    ]
    if tagged:
        cells[0]["metadata"] = {"tags": [tagged]}
    metadata = {"kernelspec": {"name": kernel, "display_name": kernel, "language": "python"}}
    return json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 4})


@pytest.fixture
def run(session: Any, role: str, bucket: str, unique: Callable[[str], str], tmp_path: Path) -> Callable[..., Any]:
    """Runs a notebook with the arguments that the SDK's step composes; what Describe says in the end."""

    def run(content: str, **options: Any) -> dict[str, Any]:
        (tmp_path / "report.ipynb").write_text(content)
        step = NotebookJobStep(
            name="report",
            notebook_job_name=unique("report"),
            input_notebook=str(tmp_path / "report.ipynb"),
            image_uri=options.pop("image_uri", DISTRIBUTION),
            kernel_name=options.pop("kernel_name", "python3"),
            role=role,
            s3_root_uri=f"s3://{bucket}/notebook-jobs",
            **options,
        )
        nothing = {"code_hash": "", "config_hash": "", "pipeline_build_time": "0"}
        config = PipelineDefinitionConfig(use_custom_job_prefix=True)
        with step_compilation_context_manager(
            "reports", "report", session, pipeline_definition_config=config, upload_runtime_scripts=False,
            upload_workspace=False, **nothing,
        ):  # fmt: skip
            request = step.arguments
        # A pipeline's execution puts its id in here.
        output = request["OutputDataConfig"]["S3OutputPath"]
        request["OutputDataConfig"]["S3OutputPath"] = "/".join(
            value if isinstance(value, str) else "execution" for value in output.values
        )
        session.sagemaker_client.create_training_job(**request)
        waiter = session.sagemaker_client.get_waiter("training_job_completed_or_stopped")
        name = {"TrainingJobName": request["TrainingJobName"]}
        try:
            waiter.wait(**name, WaiterConfig={"Delay": 1, "MaxAttempts": 300})
        except waiter_error():
            pass
        return dict(session.sagemaker_client.describe_training_job(**name))

    return run


def waiter_error() -> type[Exception]:
    from botocore.exceptions import WaiterError

    return WaiterError


def outputs(job: dict[str, Any]) -> dict[str, bytes]:
    """The files of output.tar.gz."""
    place = f"{job['OutputDataConfig']['S3OutputPath']}/{job['TrainingJobName']}/output/output.tar.gz"
    bucket, key = place.removeprefix("s3://").split("/", 1)
    body = boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        files = [(member.name, archive.extractfile(member)) for member in archive if member.isfile()]
        return {name: file.read() for name, file in files if file}


def texts(executed: bytes) -> str:
    """All that the cells printed."""
    cells = json.loads(executed)["cells"]
    return "".join("".join(each.get("text", "")) for cell in cells for each in cell.get("outputs", ()))


def test_a_notebook_runs_with_its_parameters_and_files(run: Callable[..., Any], tmp_path: Path, session: Any) -> None:
    (tmp_path / "init.sh").write_text("export MOOD=fine\npip --version\n")
    (tmp_path / "words").mkdir()
    (tmp_path / "words/lexicon.py").write_text("GREETING = 'moin'\n")
    job = run(
        notebook(
            "city = 'Kiel'\ncount = 1",
            "import os, sys\nsys.path.append('words')\nimport lexicon\n"
            "print(lexicon.GREETING, city, count, os.environ['MOOD'], os.environ['STAGE'])",
            "open('/opt/ml/output/data/table.csv', 'w').write('a,b')",
            tagged="parameters",
        ),
        parameters={"city": "Flensburg", "count": "7"},
        environment_variables={"STAGE": "test"},
        initialization_script=str(tmp_path / "init.sh"),
        additional_dependencies=[str(tmp_path / "words")],
        tags=[{"Key": "team", "Value": "north"}],
    )
    assert job["TrainingJobStatus"] == "Completed", job["FailureReason"]
    found = outputs(job)
    executed = job["Environment"]["SM_OUTPUT_NOTEBOOK_NAME"]
    assert sorted(found) == sorted(["report.ipynb", executed, "sagemaker_job_execution.log", "table.csv"])
    assert texts(found[executed]) == "moin Flensburg 7 fine test\n"
    assert texts(found["report.ipynb"]) == ""
    injected = json.loads(found[executed])["cells"][1]
    assert injected["metadata"]["tags"] == ["injected-parameters"]
    assert b"moin Flensburg 7 fine test" in found["sagemaker_job_execution.log"]
    tags = session.sagemaker_client.list_tags(ResourceArn=job["TrainingJobArn"])["Tags"]
    assert {"Key": "sagemaker:notebook-name", "Value": "report.ipynb"} in tags


def test_a_failing_cell_is_the_reason(run: Callable[..., Any]) -> None:
    job = run(notebook("print('so far')", "1 / 0", "print('never')"))
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("AlgorithmError: [SM-111] Error with executing notebook")
    assert job["FailureReason"].endswith("ZeroDivisionError: division by zero, exit code: 1")
    executed = json.loads(outputs(job)[job["Environment"]["SM_OUTPUT_NOTEBOOK_NAME"]])
    assert executed["cells"][1]["outputs"][0]["ename"] == "ZeroDivisionError"
    assert executed["cells"][2]["execution_count"] is None


def test_a_failing_init_script_and_an_unknown_kernel_are_told(run: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "init.sh").write_text("echo no such licence >&2\nexit 4\n")
    job = run(notebook("1"), initialization_script=str(tmp_path / "init.sh"))
    assert job["FailureReason"].startswith("AlgorithmError: [SM-101] Error with running init script\nno such licence")
    job = run(notebook("1"), kernel_name="ir")
    assert "There is no kernel 'ir'. There are: python3." in job["FailureReason"]


def test_a_kernel_of_studio_and_another_image(run: Callable[..., Any]) -> None:
    sklearn = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
    job = run(notebook("import sklearn; print(sklearn.__name__)"), kernel_name="conda_python3", image_uri=sklearn)
    assert job["TrainingJobStatus"] == "Completed", job["FailureReason"]
