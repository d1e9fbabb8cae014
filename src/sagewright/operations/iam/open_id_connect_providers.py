"""OpenID Connect providers, as records: what trust policies and Terraform refer to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sagewright.base.errors import AwsError
from sagewright.operations.call import Call, Params
from sagewright.operations.iam.entities import tags_view
from sagewright.operations.iam.records import (
    OIDC_PROVIDER,
    all_of,
    created,
    deletion,
    find_by_arn,
    key,
    no_such_entity,
    tags_of,
    together,
)
from sagewright.operations.table import Operations
from sagewright.resources.arn import Arn
from sagewright.resources.record import Record
from sagewright.store.base import Write

operations = Operations()


@operations
def create_open_id_connect_provider(call: Call, request: Params) -> Params:
    scheme, _, name = request["Url"].partition("://")
    if scheme != "https" or not name.partition("/")[0]:
        raise AwsError("InvalidInput", "Invalid Open ID Connect Provider URL: it begins with https://")
    name = name.rstrip("/")
    provider = Record(
        key(call.account, OIDC_PROVIDER, name),
        uid=call.services.ids.uuid(),
        created=float(int(call.now)),
        modified=call.now,
        spec={
            "Url": name,
            "ClientIDList": [*request.get("ClientIDList", ())],
            "ThumbprintList": [*request.get("ThumbprintList", ())],
        },
        status={"Arn": str(Arn("aws", "iam", "", call.account, f"oidc-provider/{name}"))},
        tags=tags_of(request),
    )
    provider = created(call.store, provider, "Provider")
    return {"OpenIDConnectProviderArn": provider.status["Arn"], **tags_view(provider)}


@operations
def get_open_id_connect_provider(call: Call, request: Params) -> Params:
    provider = _find(call, request)
    return {**provider.spec, "CreateDate": provider.created, **tags_view(provider)}


@operations
def list_open_id_connect_providers(call: Call, request: Params) -> Params:
    providers = all_of(call.store, call.account, OIDC_PROVIDER)
    return {"OpenIDConnectProviderList": [{"Arn": provider.status["Arn"]} for provider in providers]}


@operations
def delete_open_id_connect_provider(call: Call, request: Params) -> Params:
    def writes() -> list[Write]:
        provider = find_by_arn(call.store, call.account, OIDC_PROVIDER, request["OpenIDConnectProviderArn"])
        return [] if provider is None else deletion(call.store, provider)  # as on AWS, twice is fine

    together(call.store, writes)
    return {}


@operations
def add_client_id_to_open_id_connect_provider(call: Call, request: Params) -> Params:
    new = request["ClientID"]
    _change(call, request, "ClientIDList", lambda known: known if new in known else [*known, new])
    return {}


@operations
def remove_client_id_from_open_id_connect_provider(call: Call, request: Params) -> Params:
    old = request["ClientID"]
    _change(call, request, "ClientIDList", lambda known: [each for each in known if each != old])
    return {}


@operations
def update_open_id_connect_provider_thumbprint(call: Call, request: Params) -> Params:
    _change(call, request, "ThumbprintList", lambda _: [*request["ThumbprintList"]])
    return {}


def _change(call: Call, request: Params, member: str, change: Callable[[list[Any]], list[Any]]) -> None:
    def changed(record: Record) -> Record:
        return replace(record, spec={**record.spec, member: change(record.spec[member])}, modified=call.now)

    if call.store.amend(_find(call, request).key, changed) is None:
        raise _missing(request)


def _find(call: Call, request: Params) -> Record:
    provider = find_by_arn(call.store, call.account, OIDC_PROVIDER, request["OpenIDConnectProviderArn"])
    if provider is None:
        raise _missing(request)
    return provider


def _missing(request: Params) -> AwsError:
    return no_such_entity(f"OpenIDConnect Provider not found for arn {request['OpenIDConnectProviderArn']}")
