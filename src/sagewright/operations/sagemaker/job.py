"""What jobs do alike: they begin in a first state, may be stopped while they live and deleted when they are over.

No controller works on the jobs that are declared with this. What stops one here therefore ends it at once: nothing
runs that would have to end first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from botocore import xform_name

from sagewright.base.errors import AwsError, validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.noun import Noun, Refusal
from sagewright.operations.sagemaker.roles import check_role
from sagewright.operations.table import Operations
from sagewright.resources.record import Record


@dataclass(frozen=True, slots=True)
class Job:
    """The life of one noun that is a job."""

    noun: Noun
    what: str
    """As sentences call it: `processing job`."""
    first: str = "InProgress"
    stopped: str = "Stopped"
    over: Sequence[str] = ("Completed", "Failed", "Stopped")
    """The states in which it may be deleted, and not be stopped."""

    def create(self, call: Call, request: Params, status: Mapping[str, Any] | None = None) -> Params:
        """Write one down under the role that the request names."""
        if "RoleArn" in request:
            check_role(call, request["RoleArn"])
        return self.noun.answer(call, self.noun.create(call, request, state=self.first, status=status))

    def stop(self, call: Call, request: Params) -> Params:
        def stop(record: Record) -> Record:
            if record.state in self.over:
                raise validation_error(f"The request was rejected because the {self.what} is in status {record.state}.")
            return replace(record, state=self.stopped, intent="stop")

        name, parent = request[self.noun.name_member], self.noun.parent_of(request)
        return self.noun.answer(call, self.noun.amend(call, name, stop, parent))

    def delete(self, call: Call, request: Params) -> Params:
        def check(record: Record) -> None:
            if record.state not in self.over:
                raise AwsError("ResourceInUse", f"The {self.what} is in status {record.state}. Stop it first.")

        record = self.noun.named(call, request)
        self.noun.remove(call, record, check)
        return self.noun.answer(call, record)

    def operations(self, *, create: bool = True, delete: bool = True) -> Operations:
        """Describe, list and stop; create and delete where they need no code of their own."""
        operations = self.noun.operations()
        operations.add(xform_name(f"Stop{self.noun.title}"), self.stop)
        if create:
            operations.add(xform_name(f"Create{self.noun.title}"), self.create)
        if delete:
            operations.add(xform_name(f"Delete{self.noun.title}"), self.delete)
        return operations


def no_such_job() -> Refusal:
    """What processing and transform jobs say."""
    return lambda name, _arn: validation_error(f"Could not find requested job with name: {name}")


def job_exists(what: str) -> Refusal:
    return lambda name, arn: AwsError(
        "ResourceInUse",
        f"Job name must be unique within an AWS account and region, and a {what} with this name already exists "
        f"({arn}). Choose another name than {name}.",
    )
