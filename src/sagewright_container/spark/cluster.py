"""Spark's own cluster over the hosts of a job: a worker on each, on the first the master and the application.

The hosts meet as those of a training job do (`training/meeting.py`). All that they say to each other after that is
proved by a secret that only they can work out: other jobs listen on this machine too. A host's part ends with the
application.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from sagewright_container.training.cluster import Cluster, free_ports
from sagewright_container.training.meeting import Meeting, gather
from sagewright_container.training.ports import job_key
from sagewright_container.training.processes import Group, Program

_QUIET = "rootLogger.level = warn\nrootLogger.appenderRef.stderr.ref = console\n" + "".join(
    f"appender.console.{line}\n"
    for line in (
        *("type = Console", "name = console", "target = SYSTEM_ERR", "layout.type = PatternLayout"),
        "layout.pattern = %d{yy/MM/dd HH:mm:ss} %p %c{1}: %m%n%ex",
    )
)
"""What the master and the workers say is of no use to an application's owner, unless it is bad."""


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
            # Each host moves its files into its own output: the application would not find those of the others.
            "spark.hadoop.mapreduce.fileoutputcommitter.algorithm.version": "2",
        }


def met(base: Path, memory: int) -> Hosts | None:
    """The hosts of the job whose /opt/ml is at `base`, once all are there; None where there is one. Raises
    ClientError."""
    try:
        told = json.loads((base / "config/resourceconfig.json").read_text())
    except OSError:
        return None
    hosts = sorted(told["hosts"], key=lambda host: int(host.rpartition("-")[2]))
    if len(hosts) < 2:
        return None
    interface = str(told.get("network_interface_name", "eth0"))
    cluster = Cluster(hosts, told["current_host"], 1, interface, job_key(os.environ))
    about = {"cores": len(os.sched_getaffinity(0)), "port": free_ports(1)[0]}
    return Hosts(cluster, gather(cluster, about), memory)


def run(hosts: Hosts, application: Program, scratch: Path) -> int:
    """Run this host's part, on the first the application too; answers with what it exits. `scratch` is a folder of this
    host's."""
    daemons = Group(_daemons(hosts, application.environ, scratch), cwd=str(scratch))
    try:
        if not hosts.leads:
            return _work(daemons, hosts.meeting)
        driver = Group([application], cwd=os.getcwd())
        _forward(driver)
        code = driver.wait().exit_code
        hosts.meeting.leave(code)
        return code
    finally:
        daemons.end()
        daemons.wait()


def _work(daemons: Group, meeting: Meeting) -> int:
    _forward(daemons)
    code = meeting.wait()
    if code is None and not daemons.asked:
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


def _daemons(hosts: Hosts, environ: Mapping[str, str], scratch: Path) -> list[Program]:
    folder, name = scratch / "daemons", hosts.cluster.current
    folder.mkdir(mode=0o700)
    told = {**_secrets(hosts), "spark.ui.killEnabled": "false"}
    (folder / "spark-defaults.conf").write_text("".join(f"{name} {value}\n" for name, value in told.items()))
    (folder / "log4j2.properties").write_text(_QUIET)
    around = {
        **environ,
        "SPARK_CONF_DIR": str(folder),
        "SPARK_DAEMON_MEMORY": "256m",
        "SPARK_WORKER_CORES": str(hosts.meeting.table[name]["cores"]),
        "SPARK_WORKER_MEMORY": f"{hosts.memory >> 20}m",
    }
    start = f"{environ['SPARK_HOME']}/bin/spark-class"
    page = ("--host", name, "--webui-port", "0")
    worker = (start, "org.apache.spark.deploy.worker.Worker", *page, "--work-dir", str(scratch / "work"), hosts.master)
    programs = [Program(worker, around)]
    if hosts.leads:
        leader = (start, "org.apache.spark.deploy.master.Master", *page, "--port", hosts.port)
        programs.insert(0, Program(leader, around))
    return programs
