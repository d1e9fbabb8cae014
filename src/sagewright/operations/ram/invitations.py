"""Invitations to other accounts' resource shares: there is one account here, so there is never one to answer."""

from __future__ import annotations

from sagewright.base.errors import AwsError
from sagewright.operations.call import Call, Params
from sagewright.operations.ram.common import parsed, share_named
from sagewright.operations.table import Operations

operations = Operations()


@operations
def get_resource_share_invitations(call: Call, request: Params) -> Params:
    """Those that this account has received; who owns a share sees who has not accepted by its associations."""
    for arn in request.get("resourceShareInvitationArns", ()):
        raise _missing(arn)
    for arn in request.get("resourceShareArns", ()):
        share_named(call, arn)
    return {"resourceShareInvitations": []}


@operations
def accept_resource_share_invitation(call: Call, request: Params) -> Params:
    raise _missing(request["resourceShareInvitationArn"])


@operations
def reject_resource_share_invitation(call: Call, request: Params) -> Params:
    raise _missing(request["resourceShareInvitationArn"])


@operations
def list_pending_invitation_resources(call: Call, request: Params) -> Params:
    raise _missing(request["resourceShareInvitationArn"])


@operations
def enable_sharing_with_aws_organization(call: Call, request: Params) -> Params:
    raise AwsError(
        "OperationNotPermittedException",
        "Unable to enable sharing with AWS Organizations: this account is not a member of an organization.",
    )


def _missing(text: str) -> AwsError:
    """Raises MalformedArnException for what is no ARN."""
    parsed(text)
    return AwsError(
        "ResourceShareInvitationArnNotFoundException",
        f"Resource share invitation {text} could not be found: no other account shares with this one.",
    )
