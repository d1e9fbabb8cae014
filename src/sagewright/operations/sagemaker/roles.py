"""The role that a job or a model works under."""

from __future__ import annotations

from sagewright.base.errors import validation_error
from sagewright.operations.call import Call
from sagewright.operations.iam.records import find_role


def check_role(call: Call, arn: str) -> None:
    """Raises a ValidationException in AWS's words unless the role exists."""
    if find_role(call.store, call.account, arn) is None:
        raise validation_error(
            f"Could not assume role {arn}. Please ensure that the role exists and allows principal "
            "'sagemaker.amazonaws.com' to assume the role. (`aws iam create-role` makes one here; "
            f"arn:aws:iam::{call.account}:role/service-role/SagewrightExecutionRole is there from the start.)"
        )
