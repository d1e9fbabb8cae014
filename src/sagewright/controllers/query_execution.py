"""Athena's queries, made so: what asks for the catalog is done here, a query over tables is a task of its own.

The task has links to the files that the caller may read, and no network (`sagewright_container.athena`). Its id derives
from the record, so a query never runs twice, and one that a killed server was at is taken up where it stands.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import orjson

from sagewright.base.errors import Fault, SagewrightError, StaleRecord, Terminal
from sagewright.compute.base import Mount, Resources, Task, TaskState
from sagewright.controllers import staging
from sagewright.controllers.athena import ddl, iceberg_changes, writing
from sagewright.controllers.athena.catalog import Catalog
from sagewright.controllers.athena.ports import Caller, Callers
from sagewright.controllers.athena.prepared import PreparedStatements
from sagewright.controllers.athena.reading import Reading, refusal
from sagewright.controllers.platform import Platform, tail
from sagewright.controllers.pump import last_lines
from sagewright.controllers.watches import Watches
from sagewright.dataplane.athena import reuse
from sagewright.dataplane.athena.parsing import parse
from sagewright.dataplane.athena.prepared import text_of
from sagewright.dataplane.athena.statements import Query
from sagewright.resources.query_execution import KIND, LIFE, WORKGROUP, task_id
from sagewright.resources.record import Key, Record
from sagewright.store.base import Query as Listing

ENVIRONMENT: Final = "athena"
AT_ONCE: Final = 4
"""Queries that run at a time; others are QUEUED."""
LONGEST: Final = 1800.0
"""Seconds that a query may run, as on AWS."""
_MEMORY: Final = 4 << 30
_BEYOND: Final = 1 << 29
"""Bytes that a task may have beyond what DuckDB is told: Python, and what DuckDB does not count."""
_OUTCOME: Final = 16 << 20
_LOOKED_AT: Final = 20
"""Earlier queries whose results are looked for."""
_PAUSE: Final = 0.25


class QueryExecutions:
    """The reconciler of query executions."""

    kind = KIND
    settled = LIFE.settled

    def __init__(self, platform: Platform, wake: Callable[[Key], None], callers: Callers) -> None:
        self._platform, self._callers = platform, callers
        self._watch = Watches(platform.engine, wake)
        self._entering = threading.Lock()

    def tasks(self, record: Record) -> Sequence[str]:
        return () if record.state in LIFE.settled else [task_id(record)]

    def reconcile(self, record: Record) -> float | None:
        if record.state in LIFE.settled:
            self._platform.forget(task_id(record))
            return None
        if record.state == "QUEUED":
            return self._enter(record)
        try:
            return self._go_on(record)
        except (Fault, StaleRecord):
            raise
        except SagewrightError as error:
            raise Terminal(refusal(error)) from error

    def fail(self, record: Record, reason: str) -> None:
        if LIFE.allows(record.state, "fail"):
            self._finish(record, "fail", {"StateChangeReason": reason[:2048]})

    def _enter(self, record: Record) -> float | None:
        if record.intent == "stop":
            self._finish(record, "cancel", {})
            return None
        with self._entering:
            key = record.key
            if self._platform.store.count(Listing(key.account, key.region, KIND, states=("RUNNING",))) >= AT_ONCE:
                return _PAUSE
            status = {**record.status, "started": self._platform.clock.now()}
            self._platform.store.update(replace(record, state=LIFE.after("QUEUED", "start"), status=status))
        return 0.0

    def _go_on(self, record: Record) -> float | None:
        spec = record.spec
        statement = parse(text_of(record))
        caller = self._callers(record)
        catalog = Catalog(caller, spec.get("QueryExecutionContext", {}).get("Database", "default").strip("`").lower())
        if isinstance(statement, Query):
            if statement.kind == "SELECT" and self._reuse(record, caller):
                return None
            return self._query(record, statement, caller, catalog)
        if record.intent == "stop":
            self._finish(record, "cancel", {})
            return None
        again = "begun" in record.status
        if not again:
            record = self._platform.store.update(replace(record, status={**record.status, "begun": True}))
        prepared = PreparedStatements(self._platform, record, caller)
        names, rows = ddl.carry_out(
            statement, catalog, caller, prepared, query=record.name, now=self._platform.clock.now(), again=again
        )
        bucket, key = staging.split_uri(spec["OutputLocation"])
        caller.put_bytes(bucket, key, "".join("\t".join(row) + "\n" for row in rows).encode())
        columns = [{"Name": name, "Type": "string", "Precision": 0, "Scale": 0} for name in names]
        self._finish(record, "succeed", {"columns": columns})
        return None

    def _reuse(self, record: Record, caller: Caller) -> bool:
        """Whether the result of an earlier query is this one's, which it is where this is asked for and the caller may
        read it."""
        oldest = reuse.oldest(record)
        if oldest is None or "output" in record.status:  # it runs already
            return False
        found = self._platform.store.list(reuse.earlier(record, oldest), limit=_LOOKED_AT).records
        for each in found:
            if "location" in each.status:
                continue  # it reused one itself
            location = each.spec["OutputLocation"]
            try:
                caller.stored(*staging.split_uri(location))
            except SagewrightError:
                continue
            told = {name: each.status[name] for name in ("columns", "rows")}
            self._finish(record, "succeed", {**told, "location": location, "scanned": 0})
            return True
        return False

    # A query over tables.

    def _query(self, record: Record, statement: Query, caller: Caller, catalog: Catalog) -> float | None:
        task = self._platform.engine.inspect(task_id(record))
        if task.phase == "unknown":
            if record.intent == "stop":
                self._finish(record, "cancel", {})
                return None
            self._start(record, statement, caller, catalog)
            return 0.0
        if task.phase == "running":
            self._watch(task_id(record), record.key)
            left: float = record.status["started"] + LONGEST - self._platform.clock.now()
            if record.intent == "stop" or left <= 0:
                self._platform.engine.stop(task_id(record), grace=0.0)
            return max(left, _PAUSE)
        if record.intent == "stop":
            self._finish(record, "cancel", {})
        else:
            self._end(record, statement, caller, catalog, task)
        return None

    def _start(self, record: Record, statement: Query, caller: Caller, catalog: Catalog) -> None:
        platform, name = self._platform, task_id(record)
        platform.forget(name)
        ml = platform.ml_folder(name)
        for folder in ("input", "output"):
            (ml / folder).mkdir(parents=True)
        asked = writing.wanted(statement, record, catalog, caller)
        reading = Reading(caller, catalog, ml.parent / "tables", platform.clock.now())
        (ml.parent / "tables").mkdir()
        reading.lay_out(statement.sql)
        if asked is not None and asked.get("change", "CREATE") != "CREATE":
            reading.add((asked["database"], asked["table"]))
        limit = self._limit(record) if statement.kind != "CREATE_VIEW" else None
        if limit is not None and reading.scanned > limit:
            raise Terminal(
                f"Bytes scanned limit was exceeded: the tables have {reading.scanned} bytes, the limit is {limit}."
            )
        memory = min(_MEMORY, platform.machine.memory_bytes // 2)
        told = {
            "query": statement.sql,
            "database": catalog.database,
            "target": ".".join(catalog.full(statement.target)) if statement.target else "",
            "tables": reading.tables,
            "refused": reading.refused,
            "memory": memory,
            "threads": max(1, int(platform.machine.vcpus)),
            "output": asked,
        }
        staging.write_json(ml / "input/query.json", told)
        status = {**record.status, "output": asked, "scanned": reading.scanned}
        record = platform.store.update(replace(record, status=status))
        task = Task(
            name,
            ("python", "-m", "sagewright_container.athena"),
            {"PYTHONUNBUFFERED": "1"},
            platform.environments.ensure(ENVIRONMENT, lambda _line: None),
            ml,
            [Mount(ml.parent / "tables", "/opt/ml/input/tables")],
            Resources(memory_bytes=memory + _BEYOND),
            network="none",
            hostname="athena",
            here=True,  # it reads links to the stored files
        )
        platform.engine.start(task)
        self._watch(name, record.key)

    def _limit(self, record: Record) -> int | None:
        """BytesScannedCutoffPerQuery of the workgroup."""
        group = self._platform.store.get(record.key._replace(kind=WORKGROUP, name=record.spec["WorkGroup"]))
        found: int | None = (
            None if group is None else group.spec.get("Configuration", {}).get("BytesScannedCutoffPerQuery")
        )
        return found

    def _end(self, record: Record, statement: Query, caller: Caller, catalog: Catalog, task: TaskState) -> None:
        ml = self._platform.ml_folder(task_id(record))
        text = staging.read_inside(ml, "output/outcome.json", limit=_OUTCOME)
        if not text or task.exit_code != 0:
            raise Terminal(self._why(record, task))
        outcome: Mapping[str, Any] = orjson.loads(text)
        if "error" in outcome:
            raise Terminal(outcome["error"])
        told: dict[str, Any] = {"columns": outcome["columns"], "rows": outcome["rows"]}
        output = staging.of_task(ml, "output")
        if output is None:
            raise Terminal("GENERIC_INTERNAL_ERROR: The query's output is gone. Run it again.")
        if record.status["output"] is None:
            bucket, key = staging.split_uri(record.spec["OutputLocation"])
            caller.put_file(bucket, key, output / "result.csv")
        elif statement.kind == "CREATE_VIEW":
            writing.enter_view(statement, catalog, outcome)
            told["columns"] = []
            bucket, key = staging.split_uri(record.spec["OutputLocation"])
            caller.put_bytes(bucket, key, b"")
        elif "change" in record.status["output"]:
            asked = record.status["output"]
            now = int(self._platform.clock.now() * 1000)
            iceberg_changes.keep(catalog, caller, asked, outcome, output / "data", now)
            told["columns"] = []
            bucket, key = staging.split_uri(record.spec["OutputLocation"])
            caller.put_bytes(bucket, key, b"")
        else:
            asked = record.status["output"]
            told["manifest"] = writing.keep(statement, record, catalog, caller, asked, outcome, output / "data")
            told["columns"] = []
        shutil.rmtree(ml / "output", ignore_errors=True)
        self._finish(record, "succeed", told)

    def _why(self, record: Record, task: TaskState) -> str:
        if task.out_of_memory:
            return "EXCEEDED_MEMORY_LIMIT: The query needs more memory than it may have. Ask for fewer rows or columns."
        if task.phase == "lost":
            return "GENERIC_INTERNAL_ERROR: The machine lost the query. Run it again."
        if self._platform.clock.now() - record.status["started"] >= LONGEST:
            return f"Query timeout: it ran for longer than {LONGEST:g} seconds."
        lines = tail(last_lines(self._platform, task_id(record)), limit=600)
        return f"GENERIC_INTERNAL_ERROR: The query's process ended with {task.exit_code}. Its last lines: {lines}"

    def _finish(self, record: Record, event: str, told: Mapping[str, Any]) -> None:
        now = self._platform.clock.now()
        status = {**record.status, **told, "ended": now}
        changed = replace(record, state=LIFE.after(record.state, event), status=status, modified=now)
        self._platform.store.update(changed)
