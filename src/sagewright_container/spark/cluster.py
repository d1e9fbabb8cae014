"""Spark's own cluster over the hosts of a job: a worker on each, on the first the master and the application.

The hosts meet as those of a training job do (`training/meeting.py`). All that they say to each other after that is
proved by a secret that only they can work out: other jobs listen on this machine too. A host's part ends with the
application.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from sagewright_container.training.cluster import Cluster, free_ports
from sagewright_container.training.meeting import Meeting, gather
from sagewright_container.training.ports import job_key
from sagewright_container.training.processes import Ended, Group, Program

_START_S: Final = 120.0
QUIET: Final = "rootLogger.level = error\nrootLogger.appenderRef.stderr.ref = console\n" + "".join(
    f"appender.console.{line}\n"
    for line in (
        *("type = Console", "name = console", "target = SYSTEM_ERR", "layout.type = PatternLayout"),
        "layout.pattern = %d{yy/MM/dd HH:mm:ss} %p %c{1}: %m%n%ex",
    )
)
"""What the master and the workers say is of no use to an application's owner, unless it is bad."""


JAVA: Final = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
"""Master and workers do little, and are to be there soon."""
OPENED: Final = tuple(
    f"--add-opens=java.base/{package}=ALL-UNNAMED"
    for package in ("java.lang", "java.lang.invoke", "java.net", "java.nio", "java.util", "sun.nio.ch")
)
"""What Spark reads of Java's own."""


class Hosts(NamedTuple):
    """The hosts of a job that have met, seen from one of them."""

    cluster: Cluster
    meeting: Meeting
    memory: int
    """Bytes that an instance may use."""

    @property
    def leads(self) -> bool:
        """Whether the application runs here."""
        return self.cluster.rank == 0

    @property
    def master(self) -> str:
        """Where Spark's master is."""
        return f"spark://{self.cluster.master}:{self.port}"

    @property
    def port(self) -> str:
        return str(self.meeting.table[self.cluster.master]["port"])

    @property
    def settings(self) -> Mapping[str, str]:
        """Spark's settings where the job says nothing, beyond those of one host."""
        return {
            **_secrets(self),
            "spark.driver.host": self.cluster.master,
            "spark.driver.bindAddress": self.cluster.master,
            "spark.driver.memory": f"{max(self.memory // 4 >> 20, 512)}m",
            "spark.executor.memory": f"{max(self.memory // 2 >> 20, 512)}m",
            # All of them, and not before all are there: else the first executor does the work alone.
            "spark.cores.max": str(sum(int(about["cores"]) for about in self.meeting.table.values())),
            "spark.scheduler.minRegisteredResourcesRatio": "1.0",
            "spark.scheduler.maxRegisteredResourcesWaitingTime": "300s",
            # Each host moves its files into its own output: the application would not find those of the others.
            "spark.hadoop.mapreduce.fileoutputcommitter.algorithm.version": "2",
        }


def met(resources: Path, memory: int) -> Hosts | None:
    """The hosts of the job, once all are there; None where there is one. `resources` is the file that tells of them.
    Raises ClientError."""
    try:
        told = json.loads(resources.read_text())
    except OSError:
        return None
    hosts = sorted(told["hosts"], key=lambda host: int(host.rpartition("-")[2]))
    if len(hosts) < 2:
        return None
    interface = str(told.get("network_interface_name", "eth0"))
    cluster = Cluster(hosts, told["current_host"], 1, interface, job_key(os.environ))
    about = {"cores": len(os.sched_getaffinity(0)), "port": free_ports(1)[0]}
    return Hosts(cluster, gather(cluster, about), memory)


def alone(application: Program) -> Ended:
    """Run it on this one host."""
    driver = Group([application], cwd=os.getcwd(), keeps=True)
    _forward(driver)
    return _said(driver, driver.wait())


def _said(group: Group, ended: Ended) -> Ended:
    """Of one that was asked to end, nothing needs to be said."""
    return Ended(ended.exit_code, "", ended.command) if group.asked else ended


def run(hosts: Hosts, application: Program, scratch: Path) -> Ended:
    """Run this host's part, on the first the application too; answers how it ended. `scratch` is a folder of this
    host's."""
    beside = daemons(hosts, application.environ, scratch)
    running: list[Group] = []
    try:
        for program in beside:
            if program is beside[-1]:
                _await_master(hosts)  # a worker that does not find it tries again many seconds later
            running.append(Group([program], cwd=str(scratch)))
        if not hosts.leads:
            return Ended(_work(running[-1], hosts.meeting), "", ())
        driver = Group([application], cwd=os.getcwd(), keeps=True)
        _forward(driver)
        ended = driver.wait()
        hosts.meeting.leave(ended.exit_code)
        return _said(driver, ended)
    finally:
        for group in running:
            group.signal(signal.SIGKILL)  # they keep nothing, and their last words would stand behind the application's
        for group in running:
            group.wait()


def _await_master(hosts: Hosts) -> None:
    """Until it listens, or as long as it may take to start on a machine that has much to do."""
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            socket.create_connection((hosts.cluster.master, int(hosts.port)), timeout=5).close()
            return
        time.sleep(0.1)


def _work(worker: Group, meeting: Meeting) -> int:
    _forward(worker)
    code = meeting.wait()
    if code is None and not worker.asked:
        sys.stderr.write("smspark-submit: the host of the application is gone\n")
        return 1
    return 0  # how the application ended, its own host tells


def _forward(group: Group) -> None:
    def pass_on(number: int, _frame: object) -> None:
        group.signal(number)

    signal.signal(signal.SIGTERM, pass_on)
    signal.signal(signal.SIGINT, pass_on)


def _secrets(hosts: Hosts) -> Mapping[str, str]:
    secret = hashlib.sha256(f"spark {hosts.cluster.key}".encode()).hexdigest()
    return {"spark.authenticate": "true", "spark.authenticate.secret": secret}


def daemons(hosts: Hosts, environ: Mapping[str, str], scratch: Path) -> list[Program]:
    """What runs on this host beside the application, the worker last."""
    folder, name = scratch / "daemons", hosts.cluster.current
    folder.mkdir(mode=0o700)
    told = {**_secrets(hosts), "spark.ui.killEnabled": "false"}
    (folder / "spark-defaults.conf").write_text("".join(f"{name} {value}\n" for name, value in told.items()))
    (folder / "log4j2.properties").write_text(QUIET)
    around = {
        **environ,
        "SPARK_CONF_DIR": str(folder),
        "SPARK_SCALA_VERSION": "2.12",  # what PyPI's Spark 3.5 is built with; a worker looks for sources without it
        "SPARK_WORKER_CORES": str(hosts.meeting.table[name]["cores"]),
        "SPARK_WORKER_MEMORY": f"{hosts.memory >> 20}m",
    }
    # Not by spark-class, which starts a Java of its own to find out the same.
    jars = f"{folder}/:{environ['SPARK_HOME']}/jars/*"
    start = (f"{environ['JAVA_HOME']}/bin/java", "-cp", jars, *JAVA, *OPENED)
    page = ("--host", name, "--webui-port", "0")
    worker = (*start, "org.apache.spark.deploy.worker.Worker", *page, "--work-dir", str(scratch / "work"), hosts.master)
    programs = [Program(worker, around)]
    if hosts.leads:
        leader = (*start, "org.apache.spark.deploy.master.Master", *page, "--port", hosts.port)
        programs.insert(0, Program(leader, around))
    return programs
