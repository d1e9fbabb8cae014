"""A domain with a user in it."""

from __future__ import annotations

import pytest

from sagewright.testing.asker import Asker


@pytest.fixture
def domain(asker: Asker, role: str) -> str:
    made = asker.call("CreateDomain", DomainName="team", AuthMode="IAM", DefaultUserSettings={"ExecutionRole": role})
    asker.call("CreateUserProfile", DomainId=made["DomainId"], UserProfileName="Ada")
    return str(made["DomainId"])
