"""What IAM does on AWS and not here, by what would have to be there first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_WHAT: Final[Mapping[str, tuple[str, ...]]] = {
    "keep MFA devices": (
        "CreateVirtualMFADevice", "DeleteVirtualMFADevice", "EnableMFADevice", "DeactivateMFADevice", "GetMFADevice",
        "ResyncMFADevice", "TagMFADevice", "UntagMFADevice", "ListMFADeviceTags",
    ),
    "keep certificates, which nothing here would present": (
        "UploadServerCertificate", "UpdateServerCertificate", "DeleteServerCertificate", "GetServerCertificate",
        "TagServerCertificate", "UntagServerCertificate", "ListServerCertificateTags",
        "UploadSigningCertificate", "UpdateSigningCertificate", "DeleteSigningCertificate",
    ),
    "keep SSH keys, for which there is no server here": (
        "UploadSSHPublicKey", "UpdateSSHPublicKey", "DeleteSSHPublicKey", "GetSSHPublicKey",
    ),
    "keep credentials for single services: use access keys": (
        "CreateServiceSpecificCredential", "UpdateServiceSpecificCredential", "ResetServiceSpecificCredential",
        "DeleteServiceSpecificCredential",
    ),
    "count which services were used: GetAccessKeyLastUsed and GetRole say when a key or role was used last": (
        "GenerateServiceLastAccessedDetails", "GetServiceLastAccessedDetails",
        "GetServiceLastAccessedDetailsWithEntities", "ListPoliciesGrantingServiceAccess",
    ),
    "know organizations: there is one account": (
        "EnableOrganizationsRootCredentialsManagement", "DisableOrganizationsRootCredentialsManagement",
        "EnableOrganizationsRootSessions", "DisableOrganizationsRootSessions", "ListOrganizationsFeatures",
        "GenerateOrganizationsAccessReport", "GetOrganizationsAccessReport",
    ),
    "hand permissions to others on request: attach a policy instead": (
        "CreateDelegationRequest", "GetDelegationRequest", "ListDelegationRequests", "UpdateDelegationRequest",
        "AcceptDelegationRequest", "RejectDelegationRequest", "AssociateDelegationRequest", "SendDelegationToken",
        "GetHumanReadableSummary", "AcquireRole", "GetRoleTemplateVersion",
    ),
    "issue web identity tokens": (
        "EnableOutboundWebIdentityFederation", "DisableOutboundWebIdentityFederation",
        "GetOutboundWebIdentityFederationInfo",
    ),
    "have settings of the account beyond its alias and password policy": (
        "GetAccountProperties", "PutAccountProperties", "SetSecurityTokenServicePreferences",
    ),
}  # fmt: skip


def unbuilt() -> Mapping[str, str]:
    """By operation: completes "Sagewright does not … yet"."""
    return {operation: what for what, operations in _WHAT.items() for operation in operations}
