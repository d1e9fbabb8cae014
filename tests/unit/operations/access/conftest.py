"""A world with callers of all kinds, and questions to its gate."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from sagewright.base.errors import AwsError
from sagewright.dataplane.objects.base import Objects
from sagewright.operations.call import Call, Principal, Session
from sagewright.testing.world import World

ACCOUNT = "123456789012"
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": {"Service": "sagemaker.amazonaws.com"},
            "Action": "sts:AssumeRole",
        },
    }
)


def document(*statements: Mapping[str, Any]) -> str:
    """A policy; statements allow everything but for what they say."""
    filled = [
        {"Effect": "Allow", **({} if "NotResource" in each else {"Resource": "*"}), **each} for each in statements
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": filled})


@dataclass(frozen=True)
class Realm:
    """Callers, and what the gate says to them."""

    world: World

    @classmethod
    def make(cls, folder: Path) -> Realm:
        world = World.make(folder)
        services = world.services
        objects = Objects(
            services.store,
            folder / "objects",
            account=ACCOUNT,
            clock=services.clock,
            ids=services.ids,
        )
        return cls(replace(world, services=replace(services, objects=objects)))

    def close(self) -> None:
        self.world.services.objects.close()
        self.world.close()

    def role(
        self,
        name: str,
        *statements: Mapping[str, Any],
        attached: tuple[str, ...] = (),
        boundary: str | None = None,
        session: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> Principal:
        """A session of a new role with these permissions."""
        iam = self.world.client("iam")
        tagged = [{"Key": key, "Value": value} for key, value in (tags or {}).items()]
        made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST, Tags=tagged)["Role"]
        if statements:
            iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=document(*statements))
        for policy in attached:
            iam.attach_role_policy(RoleName=name, PolicyArn=f"arn:aws:iam::aws:policy/{policy}")
        if boundary is not None:
            arn = iam.create_policy(PolicyName=f"{name}-boundary", PolicyDocument=boundary)["Policy"]["Arn"]
            iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=arn)
        narrowed = Session(self.world.clock.now(), policies=(session,) if session else ())
        return self.world.services.credentials.issue(made["Arn"], "me", session=narrowed).principal

    def call(self, principal: Principal, service: str, operation: str, **more: Any) -> Call:
        return Call(
            service,
            operation,
            principal,
            ACCOUNT,
            "us-east-1",
            "id",
            more.pop("headers", {}),
            "http://127.0.0.1:4700",
            self.world.services,
            **more,
        )

    def refusal(
        self, principal: Principal, service: str, operation: str, params: Mapping[str, Any], **more: Any
    ) -> AwsError | None:
        """None for what is allowed."""
        call = self.call(principal, service, operation, **more)
        try:
            asyncio.run(self.world.services.gate.authorize(call, dict(params)))
        except AwsError as error:
            return error
        return None

    def may(self, principal: Principal, service: str, operation: str, /, **params: Any) -> bool:
        return self.refusal(principal, service, operation, params) is None


@pytest.fixture
def realm(tmp_path: Path) -> Iterator[Realm]:
    found = Realm.make(tmp_path)
    yield found
    found.close()
