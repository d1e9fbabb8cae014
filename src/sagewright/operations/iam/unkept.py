"""Credentials that Sagewright has none of: certificates, SSH keys, MFA devices. Clients list them before they delete
a user, and are told so; making one is refused (`operations/unbuilt.py`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sagewright.operations.call import Call, Params
from sagewright.operations.iam.entities import USER
from sagewright.operations.table import Handler, Operations

operations = Operations()

_LISTINGS: Final[Mapping[str, str]] = {
    "list_mfa_devices": "MFADevices",
    "list_virtual_mfa_devices": "VirtualMFADevices",
    "list_signing_certificates": "Certificates",
    "list_ssh_public_keys": "SSHPublicKeys",
    "list_service_specific_credentials": "ServiceSpecificCredentials",
    "list_server_certificates": "ServerCertificateMetadataList",
}


def _none_of(member: str) -> Handler:
    def listed(call: Call, request: Params) -> Params:
        if "UserName" in request:
            USER.find(call, request["UserName"])
        return {member: [], "IsTruncated": False}

    return listed


for _operation, _member in _LISTINGS.items():
    operations.add(_operation, _none_of(_member))
