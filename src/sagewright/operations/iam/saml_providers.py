"""SAML providers, as records: what trust policies and Terraform refer to."""

from __future__ import annotations

from dataclasses import replace
from typing import Final
from xml.parsers import expat

from sagewright.base.errors import AwsError
from sagewright.operations.call import Call, Params
from sagewright.operations.iam.entities import tags_view
from sagewright.operations.iam.records import (
    SAML_PROVIDER,
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

operations = Operations()

_YEARS: Final = 100 * 365 * 86_400.0


@operations
def create_saml_provider(call: Call, request: Params) -> Params:
    name = request["Name"]
    _check(request)
    provider = Record(
        key(call.account, SAML_PROVIDER, name),
        uid=call.services.ids.uuid(),
        created=float(int(call.now)),
        modified=call.now,
        spec={"SAMLMetadataDocument": request["SAMLMetadataDocument"]},
        status={"Arn": str(Arn("aws", "iam", "", call.account, f"saml-provider/{name}"))},
        tags=tags_of(request),
    )
    provider = created(call.store, provider, "SAML provider")
    return {"SAMLProviderArn": provider.status["Arn"], **tags_view(provider)}


@operations
def get_saml_provider(call: Call, request: Params) -> Params:
    provider = _find(call, request)
    return {
        "SAMLProviderUUID": provider.uid,
        "SAMLMetadataDocument": provider.spec["SAMLMetadataDocument"],
        "CreateDate": provider.created,
        "ValidUntil": provider.created + _YEARS,
        **tags_view(provider),
    }


@operations
def list_saml_providers(call: Call, request: Params) -> Params:
    providers = all_of(call.store, call.account, SAML_PROVIDER)
    return {
        "SAMLProviderList": [
            {"Arn": provider.status["Arn"], "CreateDate": provider.created, "ValidUntil": provider.created + _YEARS}
            for provider in providers
        ]
    }


@operations
def update_saml_provider(call: Call, request: Params) -> Params:
    provider = _find(call, request)
    if "SAMLMetadataDocument" in request:
        _check(request)
        document = {"SAMLMetadataDocument": request["SAMLMetadataDocument"]}
        call.store.amend(provider.key, lambda known: replace(known, spec={**known.spec, **document}, modified=call.now))
    return {"SAMLProviderArn": provider.status["Arn"]}


@operations
def delete_saml_provider(call: Call, request: Params) -> Params:
    together(call.store, lambda: deletion(call.store, _find(call, request)))
    return {}


def _check(request: Params) -> None:
    """The document must be XML that describes an identity provider; entities in it are not followed."""
    if request.keys() & {"AssertionEncryptionMode", "AddPrivateKey", "RemovePrivateKey"}:
        raise AwsError("InvalidInput", "Sagewright keeps no keys for encrypted assertions. Leave these members out.")
    names: list[str] = []
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = lambda name, _: names.append(name.rpartition(" ")[2])
    try:
        parser.Parse(request["SAMLMetadataDocument"].encode(), True)
    except expat.ExpatError:
        names = []
    if not names or names[0] not in ("EntityDescriptor", "EntitiesDescriptor"):
        raise AwsError("InvalidInput", "Could not parse metadata: it is the XML that your identity provider exports.")


def _find(call: Call, request: Params) -> Record:
    provider = find_by_arn(call.store, call.account, SAML_PROVIDER, request["SAMLProviderArn"])
    if provider is None:
        raise no_such_entity(f"Manifest not found for arn {request['SAMLProviderArn']}")
    return provider
