"""The gate that every request passes between being read and being answered.

What is decided is remembered with the caller, as long as nothing was decided by a condition. Every write to what IAM
keeps makes all of it forgotten, and where other servers may write to the same store, so does a second.
"""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field
from typing import Final

from sagewright.operations.access.actions import entry
from sagewright.operations.access.evaluate import Outcome, Standing, decide
from sagewright.operations.access.needs import FREE, SOURCES, Need, needs
from sagewright.operations.access.principals import standing
from sagewright.operations.access.refusals import refusal
from sagewright.operations.access.request import Request
from sagewright.operations.access.resource_policies import ResourcePolicies
from sagewright.operations.access.tags import SOURCES as TAGS
from sagewright.operations.call import Call, Params, Principal
from sagewright.operations.iam.attached import KINDS
from sagewright.resources.record import Key
from sagewright.store.base import Store

_REMEMBERED: Final = 4096
_SECONDS: Final = 1.0
"""How long a caller's policies count that another server may have changed meanwhile."""


@dataclass(frozen=True, slots=True)
class _Caller:
    standing: Standing
    until: float
    """On the monotonic clock; counts where the store is not local."""
    allowed: set[tuple[str, str]] = field(default_factory=set)
    """Actions on resources that are allowed whatever the request says."""


class Gate:
    """Decides by the policies in the store. Any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._followed: Store | None = None
        self._callers: dict[Principal, _Caller] = {}
        self._writes = 0
        self._resource_policies = ResourcePolicies()

    async def authorize(self, call: Call, request: Params) -> None:
        """Raises the called service's access-denied error unless some policy allows the request and none denies it."""
        if not self._asks(call):
            return
        if call.store.local:
            self._check(call, request)
        else:
            await asyncio.to_thread(self._check, call, request)

    def allows(self, call: Call, action: str, resource: str, request: Params | None = None) -> bool:
        """Whether the caller might do something else on top of the request, for operations whose answer depends on
        it: what to say of a key that is not there, which of a thousand keys to delete."""
        if not self._asks(call):
            return True
        return self._outcome(call, request or {}, Need(action, resource)).allowed

    def _asks(self, call: Call) -> bool:
        """Whether there is anything to decide."""
        if call.services.settings.auth == "off" or (call.service, call.operation) in FREE:
            return False
        # No policy of IAM's bounds the account itself; a bucket's may.
        return call.principal.kind != "root" or call.service == "s3"

    def _check(self, call: Call, request: Params) -> None:
        for need in needs(call, request):
            outcome = self._outcome(call, request, need)
            if not outcome.allowed:
                raise refusal(call, need, outcome)

    def _outcome(self, call: Call, request: Params, need: Need) -> Outcome:
        caller = self._caller(call)
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
        store, clock, principal = call.store, call.services.clock, call.principal
        if self._followed is not store:
            self._follow(store)
        known = self._callers.get(principal)
        if known is not None and (store.local or clock.monotonic() < known.until):
            return known
        writes = self._writes
        known = _Caller(standing(store, principal), clock.monotonic() + _SECONDS)
        with self._lock:
            # What was written while this was being read may have made it old.
            if writes == self._writes:
                if len(self._callers) >= _REMEMBERED:
                    self._callers.clear()
                self._callers[principal] = known
        return known

    def _follow(self, store: Store) -> None:
        with self._lock:
            if self._followed is not store:
                store.subscribe(self._forget)
                self._followed = store

    def _forget(self, written: Key) -> None:
        if written.kind in KINDS:
            with self._lock:
                self._writes += 1
                self._callers.clear()


_ALLOWED: Final = Outcome(True)
