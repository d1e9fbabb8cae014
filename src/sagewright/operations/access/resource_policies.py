"""Policies that resources have of their own: buckets' and roles'."""

from __future__ import annotations

from sagewright.operations.access import trust
from sagewright.operations.access.evaluate import Policies
from sagewright.operations.access.needs import Need
from sagewright.operations.call import Call
from sagewright.operations.iam.records import find_role


class ResourcePolicies:
    """Finds the policy of what a request is about. Any thread may ask."""

    def of(self, call: Call, need: Need) -> tuple[Policies | None, bool]:
        """The policy, if there is one; and whether nothing is allowed that it does not allow."""
        if call.service == "sts" and need.resource.startswith(f"arn:aws:iam::{call.account}:role/"):
            role = find_role(call.store, call.account, need.resource)
            return (None if role is None else trust.policy(role)), True
        return None, False
