"""What a host of several is told and starts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sagewright_container.spark import cluster, submit
from sagewright_container.spark.cluster import Hosts
from sagewright_container.training.cluster import Cluster
from sagewright_container.training.meeting import Meeting

TABLE = {"algo-1": {"cores": 2, "port": 20001}, "algo-2": {"cores": 3, "port": 20002}}


def hosts(current: str) -> Hosts:
    return Hosts(Cluster(["algo-1", "algo-2"], current, 1, "lo", "the key"), Meeting(TABLE, {}), 4 << 30)


def test_the_application_is_submitted_to_the_master(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submit, "installed", lambda package: Path("/env") / package)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.py").touch()
    command, environment = submit.prepared(submit.parsed(["app.py"]), tmp_path / "ml", tmp_path, hosts("algo-2"))
    assert command[1:3] == ["--master", "spark://algo-1:20001"]
    assert (environment["SPARK_LOCAL_IP"], environment["PYSPARK_PYTHON"]) == ("algo-2", "python3")
    lines = (Path(environment["SPARK_CONF_DIR"]) / "spark-defaults.conf").read_text().splitlines()
    settings = dict(line.split(" ", 1) for line in lines)
    assert (settings["spark.cores.max"], settings["spark.driver.host"]) == ("5", "algo-1")
    assert (settings["spark.driver.memory"], settings["spark.executor.memory"]) == ("1024m", "2048m")
    assert "the key" not in settings["spark.authenticate.secret"]


def test_only_the_first_has_a_master(tmp_path: Path) -> None:
    started = {}
    for name in TABLE:
        scratch = tmp_path / name
        scratch.mkdir()
        started[name] = cluster.daemons(hosts(name), {"SPARK_HOME": "/spark", "JAVA_HOME": "/java"}, scratch)
        assert (scratch / "daemons").stat().st_mode & 0o777 == 0o700
    assert [len(programs) for programs in started.values()] == [2, 1]
    assert started["algo-2"][0].command[-1] == "spark://algo-1:20001"
    assert started["algo-2"][0].environ["SPARK_WORKER_CORES"] == "3"
    words = " ".join(word for programs in started.values() for each in programs for word in each.command)
    assert "secret" not in words


def test_an_only_host_meets_nobody(tmp_path: Path) -> None:
    assert cluster.met(tmp_path / "config/resourceconfig.json", 1) is None
    (tmp_path / "config").mkdir()
    (tmp_path / "config/resourceconfig.json").write_text(json.dumps({"current_host": "algo-1", "hosts": ["algo-1"]}))
    assert cluster.met(tmp_path / "config/resourceconfig.json", 1) is None
