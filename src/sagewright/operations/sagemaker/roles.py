"""The role that a job or a model works under."""

from __future__ import annotations

from typing import Final

from sagewright.base.errors import validation_error
from sagewright.operations.access.trust import allows_service
from sagewright.operations.call import Call
from sagewright.operations.iam.records import find_role

SERVICE: Final = "sagemaker.amazonaws.com"


def check_role(call: Call, arn: str) -> None:
    """Raises a ValidationException in AWS's words unless the role exists and lets SageMaker take it on."""
    role = find_role(call.store, call.account, arn)
    if role is None or not allows_service(role, SERVICE):
        raise validation_error(
            f"Could not assume role {arn}. Please ensure that the role exists and allows principal "
            f"'{SERVICE}' to assume the role. (`aws iam create-role` makes one here; "
            f"arn:aws:iam::{call.account}:role/service-role/SagewrightExecutionRole is there from the start.)"
        )
