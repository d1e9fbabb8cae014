"""The gate that every request passes between being read and being answered.

What is decided is remembered with the caller, as long as nothing was decided by a condition. Every write to what IAM
keeps makes all of it forgotten.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from sagewright.base.errors import AwsError
from sagewright.operations.access.actions import entry
from sagewright.operations.access.evaluate import Outcome, Standing, decide
from sagewright.operations.access.needs import FREE, SOURCES, Need, elsewhere, needs
from sagewright.operations.access.neighbour_names import asks_neighbour
from sagewright.operations.access.principals import standing
from sagewright.operations.access.refusals import refusal
from sagewright.operations.access.remembered import Remembered
from sagewright.operations.access.request import Request
from sagewright.operations.access.resource_policies import ResourcePolicies
from sagewright.operations.access.sessions import beyond
from sagewright.operations.access.tags import SOURCES as TAGS
from sagewright.operations.access.tags import kept_elsewhere
from sagewright.operations.call import Call, Params, Principal
from sagewright.operations.iam.attached import KINDS
from sagewright.resources.record import Key
from sagewright.store.base import Store

_REMEMBERED: Final = 1024
"""How many decisions are kept for one caller."""
_ROOTS_OWN: Final = frozenset({"s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"})
"""What no bucket's policy takes from the account itself, which would be locked out for good."""


@dataclass(frozen=True, slots=True)
class _Caller:
    standing: Standing
    allowed: set[tuple[str, str]] = field(default_factory=set)
    """Actions on resources that are allowed whatever the request says."""


class Gate:
    """Decides by the policies in the store. Any thread may ask."""

    def __init__(self) -> None:
        self._followed: Store | None = None
        self._lock = threading.Lock()
        self._callers: Remembered[Principal, _Caller] = Remembered()
        self._resource_policies = ResourcePolicies()

    async def authorize(self, call: Call, request: Params) -> None:
        """Raises the called service's access-denied error unless some policy allows the request and none denies it."""
        error = beyond(call) or self._closed(call, request)
        if error is not None:
            raise error
        if not self._asks(call):
            return
        if call.store.local and not asks_neighbour(call, request) and not kept_elsewhere(call, request):
            self.check(call, request)
        else:
            await asyncio.to_thread(self.check, call, request)

    def check(self, call: Call, request: Params) -> None:
        """The same for who is not on the event loop: it may ask the store."""
        error = self.refusal(call, request, needs(call, request))
        if error is not None:
            raise error

    def allows(self, call: Call, action: str, resource: str) -> bool:
        """Whether the caller might do something else on top of the request, for operations whose answer depends on
        it: what to say of a key that is not there."""
        return self.refusal(call, {}, [Need(action, resource)]) is None

    def refusal(self, call: Call, request: Params, wanted: Iterable[Need]) -> AwsError | None:
        """Why not all of this is allowed; None if it is."""
        if not self._asks(call):
            return None
        for need in wanted:
            outcome = self._outcome(call, request, need)
            if not outcome.allowed:
                return refusal(call, need, outcome)
        return None

    def _closed(self, call: Call, request: Params) -> AwsError | None:
        """Why what belongs to another account is closed, to root as well: its owner would have to share it, and shares
        of others with this account there are none."""
        if call.services.settings.auth == "off":
            return None
        need = elsewhere(call, request)
        return None if need is None else refusal(call, need, Outcome(False, kind="resource-based policy"))

    def _asks(self, call: Call) -> bool:
        """Whether there is anything to decide."""
        if call.services.settings.auth == "off" or (call.service, call.operation) in FREE:
            return False
        # No policy of IAM's bounds the account itself; a bucket's may.
        return call.principal.kind != "root" or call.service == "s3"

    def _outcome(self, call: Call, request: Params, need: Need) -> Outcome:
        caller = self._caller(call)
        if caller.standing.root and need.action in _ROOTS_OWN:
            return _ALLOWED
        policy, must_allow = self._resource_policies.of(call, need)
        question = (need.action, need.resource)
        if policy is None and not must_allow and question in caller.allowed:
            return _ALLOWED
        context = Request(
            call,
            request if need.params is None else need.params,
            need.resource,
            claims=caller.standing.claims,
            sources=SOURCES.get(call.service, TAGS),
            keys=entry(call.service, call.operation).keys,
            extra=need.extra,
        )
        outcome = decide(caller.standing, need.action, need.resource, context, policy, resource_must_allow=must_allow)
        if outcome.allowed and policy is None and not context.asked:
            if len(caller.allowed) >= _REMEMBERED:
                caller.allowed.clear()
            caller.allowed.add(question)
        return outcome

    def _caller(self, call: Call) -> _Caller:
        store, principal = call.store, call.principal
        if self._followed is not store:
            self._follow(store)
        return self._callers.get(principal, lambda: _Caller(standing(store, principal)), store, call.services.clock)

    def _follow(self, store: Store) -> None:
        with self._lock:
            if self._followed is not store:
                store.subscribe(self._written)
                self._followed = store

    def _written(self, written: Key) -> None:
        if written.kind in KINDS:
            self._callers.forget()
        self._resource_policies.forget(written)


_ALLOWED: Final = Outcome(True)
