"""Inputs of processing jobs that are queries: Athena runs each before the job, for the job's role.

The query is a record of its own under an id that derives from the job and the input, so that it runs once, and is seen
by ListQueryExecutions as one that somebody else has started. What it leaves in S3 is the input.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from sagewright.base.errors import AlreadyExists, AwsError, Terminal
from sagewright.controllers.athena.ports import Callers
from sagewright.controllers.athena.reading import refusal
from sagewright.controllers.platform import Platform
from sagewright.dataplane.athena import datasets, reuse
from sagewright.resources import query_execution as noun
from sagewright.resources.processing_job import datasets as asked_of
from sagewright.resources.processing_job import query_id, query_output
from sagewright.resources.record import Key, Record

_PAUSE: Final = 0.3
"""Seconds until a query that runs is looked at again."""


class Queries:
    """The queries of one server's processing jobs."""

    def __init__(self, platform: Platform, callers: Callers) -> None:
        self._platform, self._callers = platform, callers

    def wait(self, job: Record) -> float | None:
        """None once all that the job asks for lies in S3; else when to look again, in seconds. Raises Terminal where a
        query failed or may not be asked."""
        pause = None
        for name, definition in asked_of(job.spec):
            query = self._platform.store.get(self._key(job, name))
            if query is None:
                self._start(job, name, definition)
                pause = _PAUSE
            elif query.state == "SUCCEEDED":
                continue
            elif query.state in noun.LIFE.settled:
                why = query.status.get("StateChangeReason", f"it was {query.state.lower()}")
                raise Terminal(f"ClientError: The query of the input {name!r}, {query.name}, has failed: {why}")
            else:
                pause = _PAUSE
        return pause

    def stop(self, job: Record) -> None:
        """End those that run."""
        for key in self._begun(job):
            self._platform.store.amend(
                key, lambda query: None if query.state in noun.LIFE.settled else replace(query, intent="stop")
            )

    def _begun(self, job: Record) -> Iterator[Key]:
        return (self._key(job, name) for name, _ in asked_of(job.spec))

    def _key(self, job: Record, name: str) -> Key:
        return job.key._replace(kind=noun.KIND, parent="", name=query_id(job, name))

    def _start(self, job: Record, name: str, definition: Mapping[str, Any]) -> None:
        key, now, group = self._key(job, name), self._platform.clock.now(), definition.get("WorkGroup", noun.PRIMARY)
        workgroup = self._platform.store.get(key._replace(kind=noun.WORKGROUP, name=group))
        if workgroup is None and group != noun.PRIMARY:
            raise Terminal(f"ClientError: The input {name!r} names the WorkGroup {group}, which is not there.")
        if workgroup is not None and workgroup.state == "DISABLED":
            raise Terminal(f"ClientError: The input {name!r} names the WorkGroup {group}, which is disabled.")
        place = query_output(job, name, definition)
        spec = {
            "QueryString": datasets.unload(definition, place),
            "QueryExecutionContext": {"Catalog": definition["Catalog"], "Database": definition["Database"]},
            "ResultConfiguration": {"OutputLocation": definition["OutputS3Uri"]},
            "WorkGroup": group,
            "OutputLocation": place.rstrip("/"),
            "types": ["DML", "UNLOAD"],
            "caller": {"role": job.spec["RoleArn"]},
        }
        uid = f"{job.uid}-{key.name}".lower()
        facets = {"WorkGroup": group, reuse.FACET: ""}
        query = Record(key, uid, now, now, spec, state="QUEUED", facets=facets)
        asked = {"WorkGroup": group, "QueryString": spec["QueryString"]}
        try:
            self._callers(query).allow("athena", "StartQueryExecution", asked)
            self._platform.store.create(query)
        except AlreadyExists:
            return
        except AwsError as error:
            why = refusal(error)
            raise Terminal(f"ClientError: The query of the input {name!r} cannot start: {why}") from error
