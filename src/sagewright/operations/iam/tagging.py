"""Tags on IAM's nouns: Tag…, Untag…, List…Tags, the same for all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from sagewright.base.errors import AwsError
from sagewright.operations.call import Call, Params
from sagewright.operations.iam import records
from sagewright.operations.iam.paging import page
from sagewright.operations.iam.records import key, no_such_entity, tag_list, tags_of, without_tags
from sagewright.operations.table import Handler, Operations
from sagewright.resources.record import Record

operations = Operations()

_NOUNS: Final[Mapping[str, tuple[str, str, str]]] = {
    # The operation's noun: its kind, the member that names it, what a sentence calls it.
    "role": (records.ROLE, "RoleName", "role"),
    "user": (records.USER, "UserName", "user"),
    "policy": (records.POLICY, "PolicyArn", "policy"),
    "instance_profile": (records.INSTANCE_PROFILE, "InstanceProfileName", "instance profile"),
    "open_id_connect_provider": (records.OIDC_PROVIDER, "OpenIDConnectProviderArn", "OpenID Connect provider"),
    "saml_provider": (records.SAML_PROVIDER, "SAMLProviderArn", "SAML provider"),
}


def _tag(noun: str) -> Handler:
    def tag(call: Call, request: Params) -> Params:
        record = _find(call, noun, request)
        call.store.amend(record.key, lambda known: replace(known, tags=tags_of(request, known.tags), modified=call.now))
        return {}

    return tag


def _untag(noun: str) -> Handler:
    def untag(call: Call, request: Params) -> Params:
        record = _find(call, noun, request)
        call.store.amend(record.key, lambda known: replace(without_tags(request, known), modified=call.now))
        return {}

    return untag


def _list(noun: str) -> Handler:
    def listed(call: Call, request: Params) -> Params:
        tags = tag_list(_find(call, noun, request).tags)
        shown, more = page(tags, request, "Tags", lambda tag: tag["Key"])
        return {"Tags": shown, **more}

    return listed


def _find(call: Call, noun: str, request: Params) -> Record:
    kind, member, words = _NOUNS[noun]
    name = request[member]
    if member.endswith("Arn"):
        if name.startswith("arn:aws:iam::aws:"):
            raise AwsError("AccessDenied", f"{name} is managed by AWS and has no tags.", status=403)
        record = records.find_by_arn(call.store, call.account, kind, name)
    else:
        record = call.store.get(key(call.account, kind, name))
    if record is None:
        raise no_such_entity(f"The {words} {name} cannot be found." if member.endswith("Arn") else
                             f"The {words} with name {name} cannot be found.")  # fmt: skip
    return record


for _noun in _NOUNS:
    operations.add(f"tag_{_noun}", _tag(_noun))
    operations.add(f"untag_{_noun}", _untag(_noun))
    operations.add(f"list_{_noun}_tags", _list(_noun))
