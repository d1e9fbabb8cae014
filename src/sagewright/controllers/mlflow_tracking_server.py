"""MLflow tracking servers and MLflow apps, made so: one MLflow process each, started anew when it ends.

What MLflow knows is in a folder of the server's own, which outlives its tasks: `DATA/mlflow/<uid>`. The task that may
exist is written down (`status["run"]`) before it is started; each has a serial number that the server never gave
before, so a task id stands for one run, and so does its log stream. Where requests go is `status["serving"]`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from sagewright.base.errors import SagewrightError, Terminal, Transient
from sagewright.compute.base import Mount, Resources, Task, TaskState
from sagewright.controllers import health, lasting_task, staging
from sagewright.controllers.lasting_task import LastingTask, Run
from sagewright.controllers.platform import Platform
from sagewright.controllers.pump import Narrator, narrator, pump
from sagewright.resources import mlflow_app, mlflow_tracking_server
from sagewright.resources.lifecycle import Lifecycle
from sagewright.resources.mlflow_tracking_server import SESSION
from sagewright.resources.record import Key, Record

START_TIMEOUT: Final = 240.0
"""Seconds in which MLflow must answer once its process runs."""
HANGS_AFTER: Final = 60.0
"""Seconds without an answer after which a server that served is started anew."""
SOCKET: Final = "/opt/ml/run/mlflow.sock"
HOME: Final = "/opt/ml/mlflow"
"""Where the task finds the server's own folder."""
ENVIRONMENT: Final = "mlflow"
_STARTING: Final = 0.1
_SERVING: Final = 1.0
_WORKERS: Final = {"Small": 1, "Medium": 2, "Large": 4}


@dataclass(frozen=True, slots=True)
class _Noun:
    life: Lifecycle
    log_group: str
    arn_member: str


_NOUNS: Final = {
    mlflow_tracking_server.KIND: _Noun(
        mlflow_tracking_server.LIFE, mlflow_tracking_server.LOG_GROUP, "TrackingServerArn"
    ),
    mlflow_app.KIND: _Noun(mlflow_app.LIFE, mlflow_app.LOG_GROUP, "Arn"),
}


class MlflowServers:
    """The reconciler of one of the two kinds."""

    def __init__(self, platform: Platform, wake: Callable[[Key], None], folder: Path, kind: str) -> None:
        """`folder` holds what the servers know, each in a folder of its own."""
        self.kind = kind
        noun = _NOUNS[kind]
        self._life, self._log_group, self._arn_member = noun.life, noun.log_group, noun.arn_member
        self.settled = noun.life.settled
        self._platform = platform
        self._folder = folder
        self._lasting = LastingTask(platform, wake, hangs_after=HANGS_AFTER, carry=self._carry_log)

    def tasks(self, record: Record) -> Sequence[str]:
        return lasting_task.tasks(record)

    def reconcile(self, record: Record) -> float | None:
        if record.intent == "delete":
            return self._delete(record)
        run: Run | None = record.status.get("run")
        if record.state == "Stopping":
            return self._stop(record, run)
        if record.state in self.settled:
            self._rest(record, run)
            return None
        if run is None:
            record = self._plan(record)
        elif run["generation"] != record.spec["generation"]:
            record = self._write(record, status={**record.status, **_INACTIVE})
            if not self._lasting.ended(record, run):
                return _STARTING
            record = self._plan(record)
        return self._look(record, record.status["run"])

    def fail(self, record: Record, reason: str) -> None:
        """It cannot come up. The model has no member for the reason: the log says it."""
        if record.intent == "delete" or not self._life.allows(record.state, "fail"):
            return
        run: Run | None = record.status.get("run")
        stream = run["log_stream"] if run else _stream(record, record.status.get("serial", 0))
        now = int(self._platform.clock.now() * 1000)
        logs = self._platform.logs.at(record.key.account, record.key.region)
        group = self._log_group + record.name
        if run is not None:
            self._carry_log(record, run, True)
        logs.append_from(group, stream, [(now, f"sagewright: {reason}", 0)])
        # The task is forgotten by the look that this write asks for: not before it is written down.
        self._write(record, state=self._life.after(record.state, "fail"), status={**record.status, **_INACTIVE})

    # What is wanted.

    def _plan(self, record: Record, *, attempt: int = 1, not_before: float = 0.0) -> Record:
        """Write down the next run before it is started."""
        serial = record.status.get("serial", 0) + 1
        run = {
            "task": f"mlflow-{record.uid}-{serial}",
            "serial": serial,
            "attempt": attempt,
            "generation": record.spec["generation"],
            "log_stream": _stream(record, serial),
            "not_before": not_before,
        }
        return self._write(record, status={**record.status, **_INACTIVE, "run": run, "serial": serial})

    # What is.

    def _look(self, record: Record, run: Run) -> float | None:
        task = self._platform.engine.inspect(run["task"])
        self._carry_log(record, run, task.phase in ("exited", "lost"))
        if task.phase == "unknown":
            delay: float = run["not_before"] - self._platform.clock.now()
            if delay <= 0:
                self._start(record, run)
            return max(delay, _STARTING)
        serves = record.status.get("serving", {}).get("task") == run["task"]
        if task.phase == "running":
            self._lasting.watch(run["task"], record.key)
            if serves and self._life.allows(record.state, "serve"):  # an update that needs no new process
                return self._serve(record, run)
            if serves:
                self._lasting.listen(run, lambda: self._answers(run))
                return _SERVING
            if self._answers(run):
                return self._serve(record, run)
            started = task.started or self._platform.clock.now()
            if self._platform.clock.now() - started <= START_TIMEOUT:
                return _STARTING
        if not serves and not self._may_be_replaced(record, run, task):
            raise Terminal(self._lasting.reason(run, "MLflow"))
        self._replace(record, run)
        return 0.0

    def _start(self, record: Record, run: Run) -> None:
        say = narrator(self._platform, record, group=self._log_group + record.name, stream=run["log_stream"])
        try:
            task = self._task(record, run, say)
            self._platform.engine.start(task)
        except Terminal as error:
            if self._life.allows(record.state, "fail"):
                raise
            raise Transient(str(error)) from error  # it served before: what is missing may come back
        self._lasting.watch(task.id, record.key)

    def _task(self, record: Record, run: Run, say: Narrator) -> Task:
        spec = record.spec
        store = self._store(record)
        self._platform.forget(run["task"])
        ml = self._platform.ml_folder(run["task"])
        (ml / "run").mkdir(parents=True)
        home = self._folder / record.uid
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        python = self._platform.environments.ensure(ENVIRONMENT, say)
        registers = spec.get("AutomaticModelRegistration") or spec.get("ModelRegistrationMode") == _REGISTERS
        return Task(
            id=run["task"],
            command=("python", "-m", "sagewright_container.main", "serve", "mlflow"),
            environment={
                **self._platform.environment(record, spec["RoleArn"]),
                "SAGEWRIGHT_ARTIFACT_STORE": store,
                "SAGEWRIGHT_MLFLOW_ASKED": spec.get("MlflowVersion", ""),
                "SAGEWRIGHT_REGISTER_MODELS": "1" if registers else "",
                "SAGEWRIGHT_TRACKING_ARN": record.status[self._arn_member],
                "SAGEWRIGHT_WORKERS": str(_WORKERS.get(spec.get("TrackingServerSize", ""), 1)),
                "MLFLOW_DISABLE_TELEMETRY": "true",
                "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
                "PYTHONUNBUFFERED": "1",
            },
            python=python,
            folder=ml,
            mounts=[Mount(home, HOME, writable=True)],
            resources=Resources(),
            hostname="mlflow",
            socket=SOCKET,
            here=True,  # its database is on this machine
        )

    def _store(self, record: Record) -> str:
        """The artifact store's URI: it is there, and the role may see it. Raises Terminal."""
        uri = record.spec["ArtifactStoreUri"]
        bucket, prefix = staging.split_uri(uri)
        try:
            next(iter(self._platform.objects_as(record.spec["RoleArn"], record.key.region).list(bucket, prefix)), None)
        except Transient:
            raise
        except SagewrightError as error:
            raise Terminal(
                f"The role {record.spec['RoleArn']} cannot list the artifact store {uri}: {error}"
            ) from error
        return f"s3://{bucket}/{prefix}".rstrip("/")

    def _answers(self, run: Run) -> bool:
        socket = self._platform.engine.address(run["task"])
        return socket is not None and health.ask(socket, "/health") is not None

    def _serve(self, record: Record, run: Run) -> float:
        """It answers: requests go there."""
        socket = self._platform.engine.address(run["task"])
        assert socket is not None
        status = {**record.status, "IsActive": "Active", "serving": {"task": run["task"], "socket": str(socket)}}
        version = health.ask(socket, "/version")
        if version and "MlflowVersion" not in record.spec:
            status["MlflowVersion"] = version.decode("ascii", "replace")[:16]
        state = record.state
        self._write(
            record,
            state=self._life.after(state, "serve") if self._life.allows(state, "serve") else state,
            status=status,
        )
        return _SERVING

    def _may_be_replaced(self, record: Record, run: Run, task: TaskState) -> bool:
        """What others ended (a Ctrl-C of the server, a reboot) gets a successor; what ends by itself before it ever
        answered does not, unless it served before."""
        if not self._life.allows(record.state, "fail"):
            return True
        return self._lasting.ended_by_others(run, task)

    def _replace(self, record: Record, run: Run) -> None:
        """It has ended, or hangs from the start: another takes its place, later each time it happens soon."""
        self._plan(record, **self._lasting.following(run, since=record.created))
        # Only now: were it forgotten and still in the record, it would be started a second time.
        self._lasting.forget(run)

    # The end.

    def _stop(self, record: Record, run: Run | None) -> float | None:
        if "serving" in record.status:
            record = self._write(record, status={**record.status, **_INACTIVE})
        if run is not None and not self._lasting.ended(record, run):
            return _STARTING
        status = {name: value for name, value in {**record.status, **_INACTIVE}.items() if name != "run"}
        self._write(record, state=self._life.after("Stopping", "stopped"), status=status)
        return None

    def _rest(self, record: Record, run: Run | None) -> None:
        """Nothing of it is to run."""
        if run is not None:
            self._lasting.forget(run)
            self._write(record, status={name: value for name, value in record.status.items() if name != "run"})

    def _delete(self, record: Record) -> float | None:
        """The process, what it knew, who might look at it, and then the record. Artifacts stay, as on AWS."""
        run: Run | None = record.status.get("run")
        if run is not None and not self._lasting.ended(record, run):
            return _STARTING
        self._lasting.remove(record, self._folder / record.uid, SESSION)
        return None

    # Records and words.

    def _carry_log(self, record: Record, run: Run, ended: bool) -> None:
        group = self._log_group + record.name
        pump(self._platform, record, run["task"], group=group, stream=run["log_stream"], ended=ended)

    def _write(self, record: Record, *, state: str | None = None, status: Mapping[str, Any]) -> Record:
        status = {name: value for name, value in status.items() if value is not None}
        changed = replace(record, state=state or record.state, status=status)
        if changed == record:
            return record
        if changed.state != record.state:
            changed = replace(changed, modified=self._platform.clock.now())
        return self._platform.store.update(changed)


_REGISTERS: Final = "AutoModelRegistrationEnabled"
_INACTIVE: Final[Mapping[str, Any]] = {"IsActive": "Inactive", "serving": None}


def _stream(record: Record, serial: int) -> str:
    return f"mlflow-server/{serial}-{record.uid[:8]}"
