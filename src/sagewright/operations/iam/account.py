"""What IAM says of the account as a whole: its alias, and how much of everything there is."""

from __future__ import annotations

import contextlib
from typing import Final

from sagewright.base.errors import AlreadyExists
from sagewright.operations.call import Call, Params
from sagewright.operations.iam import access_keys, attachments, groups, inline, policies, roles
from sagewright.operations.iam.managed import of as managed_of
from sagewright.operations.iam.paging import page
from sagewright.operations.iam.records import (
    GROUP,
    INSTANCE_PROFILE,
    OIDC_PROVIDER,
    POLICY,
    ROLE,
    SAML_PROVIDER,
    USER,
    all_of,
    key,
    no_such_entity,
    together,
)
from sagewright.operations.table import Operations
from sagewright.resources.record import Record
from sagewright.store.base import Query, Write

operations = Operations()

_ALIAS: Final = "iam-account-alias"


@operations
def create_account_alias(call: Call, request: Params) -> Params:
    """An account has one alias at most: a new one takes the place of the old one."""
    name = request["AccountAlias"]

    def writes() -> list[Write]:
        known = [*all_of(call.store, call.account, _ALIAS)]
        if [record.name for record in known] == [name]:
            return []
        alias = Record(key(call.account, _ALIAS, name), call.services.ids.uuid(), call.now, call.now)
        return [*(("delete", record) for record in known), ("create", alias)]

    # Who makes the same one at the same moment has made it.
    with contextlib.suppress(AlreadyExists):
        together(call.store, writes)
    return {}


@operations
def delete_account_alias(call: Call, request: Params) -> Params:
    def writes() -> list[Write]:
        alias = call.store.get(key(call.account, _ALIAS, request["AccountAlias"]))
        if alias is None:
            raise no_such_entity(f"The account alias {request['AccountAlias']} cannot be found.")
        return [("delete", alias)]

    together(call.store, writes)
    return {}


@operations
def list_account_aliases(call: Call, request: Params) -> Params:
    names = [record.name for record in all_of(call.store, call.account, _ALIAS)]
    shown, more = page(names, request, "AccountAliases", str)
    return {"AccountAliases": shown, **more}


@operations
def get_account_summary(call: Call, request: Params) -> Params:
    """What is counted here, and the limits that hold here. Nothing stands for what Sagewright does not keep."""
    counted = {
        "Users": USER,
        "Groups": GROUP,
        "Roles": ROLE,
        "Policies": POLICY,
        "InstanceProfiles": INSTANCE_PROFILE,
    }
    summary = {name: call.store.count(Query(call.account, "", kind)) for name, kind in counted.items()}
    versions = [managed_of(record).versions for record in all_of(call.store, call.account, POLICY)]
    return {
        "SummaryMap": {
            **summary,
            "Providers": sum(
                call.store.count(Query(call.account, "", kind)) for kind in (OIDC_PROVIDER, SAML_PROVIDER)
            ),
            "PolicyVersionsInUse": sum(map(len, versions)),
            "MFADevices": 0,
            "MFADevicesInUse": 0,
            "AccountMFAEnabled": 0,
            "AccountAccessKeysPresent": 1,
            "AccountSigningCertificatesPresent": 0,
            "ServerCertificates": 0,
            "AccessKeysPerUserQuota": access_keys.PER_USER,
            "GroupsPerUserQuota": groups.PER_USER,
            "VersionsPerPolicyQuota": policies.VERSIONS,
            "PolicySizeQuota": policies.SIZE,
            "AssumeRolePolicySizeQuota": roles.TRUST_SIZE,
            **{f"AttachedPoliciesPer{noun}Quota": attachments.QUOTA for noun in ("User", "Group", "Role")},
            **{f"{noun.capitalize()}PolicySizeQuota": quota for noun, quota in inline.QUOTAS.items()},
        }
    }
