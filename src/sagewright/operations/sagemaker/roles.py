"""The role that a job or a model works under."""

from __future__ import annotations

from typing import Final

from sagewright.base.errors import validation_error
from sagewright.operations.access.trust import allows_service
from sagewright.operations.call import Call
from sagewright.operations.iam.records import find_role
from sagewright.resources.arn import Arn

SERVICE: Final = "sagemaker.amazonaws.com"


def check_role(call: Call, arn: str, *, source: str | None = None) -> None:
    """Raises a ValidationException in AWS's words unless the role exists and lets SageMaker take it on.

    `source` is the ARN of what SageMaker would work for, which a careful trust policy asks for (aws:SourceArn).
    """
    role = find_role(call.store, call.account, arn)
    source = source or str(Arn("aws", "sagemaker", call.region, call.account, "*"))
    if role is None or not allows_service(role, SERVICE, source=source):
        raise validation_error(
            f"Could not assume role {arn}. Please ensure that the role exists and allows principal "
            f"'{SERVICE}' to assume the role. (`aws iam create-role` makes one here; "
            f"arn:aws:iam::{call.account}:role/service-role/SagewrightExecutionRole is there from the start.)"
        )
