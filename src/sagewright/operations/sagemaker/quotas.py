"""What keeps a request within its quotas, and in strict capacity within what the machines can hold."""

from __future__ import annotations

from collections.abc import Sequence

from sagewright.base.errors import AwsError
from sagewright.dataplane.quotas import use
from sagewright.operations.call import Call
from sagewright.resources import quota
from sagewright.resources.record import Record
from sagewright.store.base import Write


def taken(call: Call, record: Record) -> Sequence[Write]:
    """What is written along with a record whose instances count. Raises ResourceLimitExceeded."""
    for name, instances in quota.used_by(record).items():
        if not call.services.holds(name.partition(" ")[0]):
            raise AwsError("ResourceLimitExceeded", f"{quota.exceeded(name, 0, 0, instances)}{_TOO_LARGE}")
    try:
        return use.taken(call.store, record)
    except use.Exceeded as error:
        raise AwsError("ResourceLimitExceeded", str(error)) from None


_TOO_LARGE = " No machine of this server is as large as that, and it runs with --capacity strict."
