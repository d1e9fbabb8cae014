"""What STS does on AWS and not here."""

from __future__ import annotations

from collections.abc import Mapping


def unbuilt() -> Mapping[str, str]:
    """By operation: completes "Sagewright does not … yet"."""
    return {
        "AssumeRoleWithSAML": "believe other identity providers: assume the role with access keys (AssumeRole)",
        "AssumeRoleWithWebIdentity": "believe other identity providers: assume the role with access keys (AssumeRole)",
        "AssumeRoot": "know organizations: there is one account, and `sagewright keys show` has its root key",
        "DecodeAuthorizationMessage": "encode why something was denied: errors say it in words",
        "GetDelegatedAccessToken": "trade tokens of others for its own",
        "GetWebIdentityToken": "issue web identity tokens",
    }
