"""Policies of resources: their own (buckets, roles, endpoints, model package groups, ECR), and those of shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import orjson

from sagewright.dataplane.objects.values import NoSuchBucket
from sagewright.operations.access import trust
from sagewright.operations.access.evaluate import Policies, Policy
from sagewright.operations.access.needs import Need
from sagewright.operations.access.remembered import Remembered
from sagewright.operations.call import Call
from sagewright.operations.iam.records import find_role
from sagewright.operations.ram import granted
from sagewright.operations.ram.managed import types
from sagewright.operations.s3.openness import bucket_policy, public_access_block
from sagewright.operations.s3.policies import is_public
from sagewright.operations.sagemaker import nouns
from sagewright.resources.ecr import REGISTRY, REPOSITORY, registry_key, repository_arn
from sagewright.resources.record import Key
from sagewright.resources.resource_share import PRINCIPAL, RESOURCE, SHARE

_S3: Final = "arn:aws:s3:::"
_ECR: Final = "arn:aws:ecr:"
_KEPT_BY: Final = {
    "endpoint": "endpoint",
    "model-package-group": "model-package-group",
    "model-package": "model-package-group",
}
"""By resource type: whose policy counts."""
_KEEPERS: Final = frozenset(_KEPT_BY.values())
_SHARING: Final = frozenset({SHARE, RESOURCE, PRINCIPAL, *types()})
"""The kinds of records that policies of shares are made of."""


@dataclass(frozen=True, slots=True)
class _Bucket:
    policy: Policies
    closed: bool
    """Whether the public access block lets nobody in whom the policy does not know."""


class ResourcePolicies:
    """Finds the policy of what a request is about. Any thread may ask."""

    def __init__(self) -> None:
        self._buckets: Remembered[str, _Bucket | None] = Remembered()
        self._nouns: Remembered[str, Policies | None] = Remembered()
        self._shared: Remembered[str, Policies | None] = Remembered()
        self._repositories: Remembered[str, Policies | None] = Remembered()

    def of(self, call: Call, need: Need) -> tuple[Policies | None, bool]:
        """The policy, if there is one; and whether nothing is allowed that it does not allow."""
        if need.resource.startswith(_S3):
            name = need.resource[len(_S3) :].partition("/")[0]
            return self._of_bucket(call, name), False
        if call.service == "sts" and need.resource.startswith(f"arn:aws:iam::{call.account}:role/"):
            role = find_role(call.store, call.account, need.resource)
            return (None if role is None else trust.policy(role)), True
        kind = need.resource.split(":", 5)[-1].partition("/")[0]
        if kind in _KEPT_BY and need.resource.startswith("arn:aws:sagemaker:"):
            known = self._nouns.get(
                need.resource, lambda: _of_noun(call, need.resource), call.store, call.services.clock
            )
            return known, False
        if kind in types() and need.resource.startswith("arn:aws:sagemaker:"):
            known = self._shared.get(
                need.resource, lambda: _of_shares(call, need.resource), call.store, call.services.clock
            )
            return known, False
        if call.service == "ecr" and need.resource.startswith(_ECR):
            known = self._repositories.get(
                need.resource, lambda: _of_repository(call, need.resource), call.store, call.services.clock
            )
            return known, False
        return None, False

    def forget(self, written: Key) -> None:
        """Something was written to the store."""
        if written.kind == "bucket":
            self._buckets.forget(written.name)
        elif written.kind in _KEEPERS:
            self._nouns.forget()
        elif written.kind in _SHARING:
            self._shared.forget()
        elif written.kind == REPOSITORY:
            self._repositories.forget(repository_arn(written.region, written.account, written.name))
        elif written.kind == REGISTRY:
            self._repositories.forget()

    def _of_bucket(self, call: Call, name: str) -> Policies | None:
        found = self._buckets.get(name, lambda: _read(call, name), call.store, call.services.clock)
        if found is None or (found.closed and call.principal.kind == "anonymous"):
            return None
        return found.policy


def _read(call: Call, name: str) -> _Bucket | None:
    objects = call.services.objects
    try:
        document = bucket_policy(objects, name)
        if document is None:
            return None
        public = is_public(_listed(orjson.loads(document)["Statement"]))
        closed = public and public_access_block(objects, name).restrict_buckets
        return _Bucket(Policies([Policy.read(name, "resource", document)]), closed)
    except NoSuchBucket:
        return None


def _of_noun(call: Call, arn: str) -> Policies | None:
    """What `PutModelPackageGroupPolicy` and the like keep in a record's spec; packages go with their group."""
    head, _, resource = arn.rpartition(":")
    kind, _, name = resource.partition("/")
    keeper = _KEPT_BY[kind]
    owner = name.partition("/")[0] if keeper != kind else name
    record = nouns.find_by_arn(call.store, f"{head}:{keeper}/{owner}", call.account)
    document = None if record is None else record.spec.get("ResourcePolicy")
    return None if document is None else Policies([Policy.read(owner, "resource", document)])


def _of_shares(call: Call, arn: str) -> Policies | None:
    document = granted.policy(call.store, call.account, arn, by_id=True)
    return None if document is None else Policies([Policy.read(arn, "resource", document)])


def _of_repository(call: Call, arn: str) -> Policies | None:
    """A repository's policy and its registry's, which count together."""
    repository = Key(call.account, call.region, REPOSITORY, "", arn.partition("/")[2])
    found = [call.store.get(key) for key in (repository, registry_key(call.account, call.region))]
    documents = [record.spec["Policy"] for record in found if record is not None and "Policy" in record.spec]
    return Policies([Policy.read(arn, "resource", document) for document in documents]) if documents else None


def _listed(statements: Any) -> list[Any]:
    return statements if isinstance(statements, list) else [statements]
