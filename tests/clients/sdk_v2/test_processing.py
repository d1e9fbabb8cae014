"""Processors of the SDK v2: scripts, framework's code with requirements, a processor with arguments of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sagemaker.dataset_definition.inputs import AthenaDatasetDefinition, DatasetDefinition
from sagemaker.network import NetworkConfig
from sagemaker.processing import (
    FeatureStoreOutput,
    FrameworkProcessor,
    ProcessingInput,
    ProcessingOutput,
    Processor,
    ScriptProcessor,
)
from sagemaker.sklearn import SKLearn, SKLearnProcessor

pytestmark = pytest.mark.usefixtures("hurried")
ROOT = "/opt/ml/processing"
CARS = Path(__file__).parents[1] / "samples" / "auto-mpg.csv"

SPLIT = """
import argparse, pandas, sklearn.model_selection
parser = argparse.ArgumentParser()
parser.add_argument("--test-share", type=float)
share = parser.parse_args().test_share
rows = pandas.read_csv("/opt/ml/processing/input/housing.csv", header=None)
train, test = sklearn.model_selection.train_test_split(rows, test_size=share, random_state=1)
train.to_csv("/opt/ml/processing/train/train.csv", index=False, header=False)
test.to_csv("/opt/ml/processing/test/test.csv", index=False, header=False)
print(f"split into {len(train)} and {len(test)}")
"""
COUNT = """
import pandas
rows = pandas.read_parquet("/opt/ml/processing/asked")
open("/opt/ml/processing/told/told", "w").write(f"{len(rows)} {rows['mpg'].mean():.2f}")
"""
FRAMEWORK = """
import sys
import helper
open("/opt/ml/processing/output/told", "w").write(helper.told(sys.argv[1:]))
"""


@pytest.fixture
def read(session: Any) -> Callable[[str], str]:
    """The text of an object."""

    def read(uri: str) -> str:
        bucket, key = uri.removeprefix("s3://").split("/", 1)
        return str(session.read_s3_file(bucket, key))

    return read


def sklearn_processor(session: Any, role: str, **options: Any) -> SKLearnProcessor:
    return SKLearnProcessor(
        framework_version="1.2-1",
        role=role,
        instance_type="ml.m5.large",
        instance_count=1,
        sagemaker_session=session,
        **options,
    )


def test_a_script_splits_data(
    session: Any, role: str, uploaded: str, tmp_path: Path, read: Callable[[str], str], capsys: Any
) -> None:
    (tmp_path / "split.py").write_text(SPLIT)
    processor = sklearn_processor(session, role, base_job_name="split")
    processor.run(
        code=str(tmp_path / "split.py"),
        inputs=[ProcessingInput(source=uploaded, destination=f"{ROOT}/input")],
        outputs=[
            ProcessingOutput(output_name="train", source=f"{ROOT}/train"),
            ProcessingOutput(output_name="test", source=f"{ROOT}/test"),
        ],
        arguments=["--test-share", "0.2"],
        logs=True,
    )
    assert "split into 404 and 102" in capsys.readouterr().out
    job = processor.latest_job.describe()
    assert job["ProcessingJobStatus"] == "Completed"
    places = {output["OutputName"]: output["S3Output"]["S3Uri"] for output in job["ProcessingOutputConfig"]["Outputs"]}
    assert len(read(f"{places['train']}/train.csv").splitlines()) == 404
    assert len(read(f"{places['test']}/test.csv").splitlines()) == 102


def test_framework_code_comes_with_its_requirements(
    session: Any, role: str, tmp_path: Path, read: Callable[[str], str]
) -> None:
    (tmp_path / "entry.py").write_text(FRAMEWORK)
    (tmp_path / "helper.py").write_text(
        "import iniconfig\ndef told(words): return iniconfig.__name__ + ' '.join(words)"
    )
    (tmp_path / "requirements.txt").write_text("iniconfig\n")
    processor = FrameworkProcessor(
        estimator_cls=SKLearn,
        framework_version="1.2-1",
        role=role,
        instance_type="ml.m5.large",
        instance_count=1,
        sagemaker_session=session,
    )
    processor.run(
        code="entry.py",
        source_dir=str(tmp_path),
        outputs=[ProcessingOutput(output_name="told", source=f"{ROOT}/output")],
        arguments=["a", "b c"],
        logs=False,
    )
    (output,) = processor.latest_job.outputs
    assert read(f"{output.destination}/told") == "iniconfiga b c"


def test_a_processor_runs_what_its_entry_point_says(session: Any, role: str, read: Callable[[str], str]) -> None:
    image = sklearn_processor(session, role).image_uri
    processor = Processor(
        image_uri=image,
        role=role,
        instance_type="ml.m5.large",
        instance_count=1,
        entrypoint=["sh", "-c", 'echo "$GREETING" >/opt/ml/processing/out/greeting'],
        env={"GREETING": "good morning"},
        network_config=NetworkConfig(enable_network_isolation=True),
        max_runtime_in_seconds=300,
        sagemaker_session=session,
    )
    processor.run(outputs=[ProcessingOutput(output_name="out", source=f"{ROOT}/out")], logs=False)
    job = processor.latest_job.describe()
    assert job["NetworkConfig"]["EnableNetworkIsolation"] is True
    assert read(f"{processor.latest_job.outputs[0].destination}/greeting") == "good morning\n"


def test_a_query_of_athenas_is_an_input(
    session: Any, role: str, bucket: str, tmp_path: Path, read: Callable[[str], str], unique: Callable[[str], str]
) -> None:
    (tmp_path / "count.py").write_text(COUNT)
    database = unique("cars").replace("-", "_")
    glue = session.boto_session.client("glue")
    glue.create_database(DatabaseInput={"Name": database})
    cars = session.upload_data(str(CARS), key_prefix=f"{database}/cars")
    serde = {"SerializationLibrary": "org.apache.hadoop.hive.serde2.OpenCSVSerde"}
    names = ("mpg", "cyl", "displ", "hp", "weight", "accel", "yr", "origin", "name")
    columns = [{"Name": name, "Type": "string"} for name in names]
    table = {"Columns": columns, "Location": cars.rpartition("/")[0], "SerdeInfo": serde}
    entry = {"Name": "cars", "StorageDescriptor": table, "Parameters": {"skip.header.line.count": "1"}}
    glue.create_table(DatabaseName=database, TableInput=entry)
    asked = AthenaDatasetDefinition(
        catalog="AwsDataCatalog",
        database=database,
        query_string="SELECT name, CAST(mpg AS double) AS mpg FROM cars WHERE CAST(yr AS integer) = 75",
        output_s3_uri=f"s3://{bucket}/{database}/asked",
        output_format="PARQUET",
        output_compression="SNAPPY",
    )
    dataset = DatasetDefinition(
        local_path=f"{ROOT}/asked", data_distribution_type="FullyReplicated", athena_dataset_definition=asked
    )
    processor = sklearn_processor(session, role)
    processor.run(
        code=str(tmp_path / "count.py"),
        inputs=[ProcessingInput(input_name="asked", dataset_definition=dataset)],
        outputs=[
            ProcessingOutput(output_name="told", source=f"{ROOT}/told"),
            ProcessingOutput(
                output_name="features",
                app_managed=True,
                feature_store_output=FeatureStoreOutput(feature_group_name="any"),
            ),
        ],
        logs=False,
    )
    told = processor.latest_job.outputs[0].destination
    assert read(f"{told}/told") == "30 20.27"


def test_a_failed_script_says_why(session: Any, role: str, tmp_path: Path) -> None:
    (tmp_path / "fail.py").write_text("raise ValueError('the third column is missing')")
    image = sklearn_processor(session, role).image_uri
    processor = ScriptProcessor(
        image_uri=image,
        command=["python3"],
        role=role,
        instance_type="ml.m5.large",
        instance_count=1,
        sagemaker_session=session,
    )
    with pytest.raises(Exception, match="the third column is missing"):
        processor.run(code=str(tmp_path / "fail.py"), logs=False)


def test_a_job_is_stopped(session: Any, role: str, tmp_path: Path) -> None:
    (tmp_path / "wait.py").write_text("import time; time.sleep(300)")
    processor = sklearn_processor(session, role)
    processor.run(code=str(tmp_path / "wait.py"), wait=False)
    processor.latest_job.stop()
    processor.latest_job.wait(logs=False)
    assert processor.latest_job.describe()["ProcessingJobStatus"] == "Stopped"
