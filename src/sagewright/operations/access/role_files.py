"""Objects for controllers: a job reads and writes what its role is allowed, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from sagewright.dataplane.objects.values import Stored
from sagewright.operations.call import Call, Principal, Services
from sagewright.operations.sagemaker.roles import check_role

SESSION: Final = "SageMaker"
"""How SageMaker calls its own sessions of a role."""
_PAGE: Final = 256


class RoleFiles:
    """The objects of one server for one role, at the gate that requests pass.

    All methods raise AwsError in AWS's words where the role may not, or is none that SageMaker can take on, and the
    objects' own errors for what is not there.
    """

    def __init__(self, services: Services, role_arn: str, region: str) -> None:
        self._services, self._role_arn, self._region = services, role_arn, region

    def list(self, bucket: str, prefix: str) -> Iterator[tuple[str, int, str]]:
        """(key, size in bytes, etag) of every object whose key starts with `prefix`, in key order."""
        self._check("ListObjectsV2", Bucket=bucket, Prefix=prefix)
        return self._services.objects.list(bucket, prefix)

    def each(self, bucket: str, prefix: str) -> Iterator[Stored]:
        """Every object whose key starts with `prefix`, by key, and where its bytes are."""
        self._check("ListObjectsV2", Bucket=bucket, Prefix=prefix)
        return self._readable(bucket, self._services.objects.each(bucket, prefix))

    def _readable(self, bucket: str, found: Iterator[Stored]) -> Iterator[Stored]:
        call: Call | None = None
        for number, stored in enumerate(found):
            if number % _PAGE == 0:  # who asks is looked up once for many: a channel may hold a million
                call = self._call("GetObject")
            if call is not None:
                self._services.gate.check(call, {"Bucket": bucket, "Key": stored.key})
            yield stored

    def stored(self, bucket: str, key: str) -> Stored:
        """An object, and where its bytes are."""
        self._check("GetObject", Bucket=bucket, Key=key)
        return self._services.objects.stored(bucket, key)

    def materialise(self, bucket: str, key: str, target: Path) -> object:
        """Write an object's bytes to a new file."""
        self._check("GetObject", Bucket=bucket, Key=key)
        return self._services.objects.materialise(bucket, key, target)

    def put_file(
        self,
        bucket: str,
        key: str,
        path: Path,
        *,
        attributes: Mapping[str, Any] | None = None,
        md5: str | None = None,
    ) -> object:
        """Store a file's content as an object; durable on return."""
        self._check("PutObject", Bucket=bucket, Key=key)
        return self._services.objects.put_file(bucket, key, path, attributes=attributes, md5=md5)

    def put_bytes(self, bucket: str, key: str, data: bytes) -> object:
        """Store bytes as an object; durable on return."""
        self._check("PutObject", Bucket=bucket, Key=key)
        return self._services.objects.put_bytes(bucket, key, data)

    def remove(self, bucket: str, key: str) -> object:
        """Remove an object; nothing where it is not there."""
        self._check("DeleteObject", Bucket=bucket, Key=key)
        return self._services.objects.delete(bucket, key)

    def _check(self, operation: str, **request: Any) -> None:
        call = self._call(operation)
        if call is not None:
            self._services.gate.check(call, request)

    def _call(self, operation: str) -> Call | None:
        """Who asks, and what for; None where nobody is asked who they are. Raises AwsError for a role that is none."""
        services = self._services
        if services.settings.auth == "off":
            return None
        account = services.settings.account
        nobody = Principal(account, "", "", "anonymous")
        call = Call("s3", operation, nobody, account, self._region, "", {}, "", services)
        check_role(call, self._role_arn)
        # This principal has no session, so that what the gate decided for one object is known for all tasks of a role.
        return replace(call, principal=services.credentials.role_principal(self._role_arn, SESSION))
