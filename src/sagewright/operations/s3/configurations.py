"""Settings that a bucket keeps as they were put: website, accelerate, payer, tiering. And those that it does not:
whatever would promise work that nobody does is refused by name."""

from __future__ import annotations

from typing import Any, Final

from sagewright.base.errors import AwsError
from sagewright.dataplane.objects.buckets import Bucket
from sagewright.operations.call import Call, Params
from sagewright.operations.s3.forms import add_delete, add_get, store
from sagewright.operations.s3.refusals import answering, invalid_argument, invalid_request, malformed_xml, not_built
from sagewright.operations.table import Operations

operations = Operations()

_MOST: Final = 1000


# Website: kept for who reads it. No address of ours serves it.


@operations
@answering
def put_bucket_website(call: Call, request: Params) -> Params:
    website = request["WebsiteConfiguration"]
    if "RedirectAllRequestsTo" in website:
        if len(website) > 1:
            raise invalid_argument(
                "RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules.",
                "RedirectAllRequestsTo",
                "not null",
            )
    elif "IndexDocument" not in website:
        raise invalid_argument(
            "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty",
            "IndexDocument",
            "null",
        )
    elif "/" in website["IndexDocument"]["Suffix"] or not website["IndexDocument"]["Suffix"]:
        raise invalid_argument(
            "The IndexDocument Suffix is not well formed", "IndexDocument", website["IndexDocument"]["Suffix"]
        )
    return store(call, request, "Website", website)


add_get(
    operations,
    "get_bucket_website",
    "Website",
    absent=("NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration"),
)
add_delete(operations, "delete_bucket_website", "Website")


# Accelerate and payer: there is one account and one way here, so both are as true as they can be.


@operations
@answering
def put_bucket_accelerate_configuration(call: Call, request: Params) -> Params:
    status = request["AccelerateConfiguration"].get("Status")
    if status not in ("Enabled", "Suspended"):
        raise malformed_xml()
    if "." in request["Bucket"]:
        raise invalid_request("S3 Transfer Acceleration is not supported for buckets with periods (.) in their names")
    return store(call, request, "Accelerate", {"Status": status})


add_get(operations, "get_bucket_accelerate_configuration", "Accelerate")


@operations
@answering
def put_bucket_request_payment(call: Call, request: Params) -> Params:
    payer = request["RequestPaymentConfiguration"]["Payer"]
    if payer not in ("BucketOwner", "Requester"):
        raise malformed_xml()
    return store(call, request, "Payer", payer)


@operations
@answering
def get_bucket_request_payment(call: Call, request: Params) -> Params:
    return {"Payer": call.services.objects.buckets.get(request["Bucket"]).settings.get("Payer", "BucketOwner")}


# Tiering: an archive tier is a matter of price; all tiers are read alike here.


@operations
@answering
def put_bucket_intelligent_tiering_configuration(call: Call, request: Params) -> Params:
    configuration = request["IntelligentTieringConfiguration"]
    if configuration["Id"] != request["Id"]:
        raise invalid_argument("The id in the configuration is not the one in the address.", "id", request["Id"])
    tiers = [tier["AccessTier"] for tier in configuration["Tierings"]]
    if not tiers or len(set(tiers)) != len(tiers):
        raise malformed_xml()

    def change(bucket: Bucket) -> dict[str, Any]:
        kept = {**bucket.settings.get("Tiering", {}), request["Id"]: configuration}
        if len(kept) > _MOST:
            raise AwsError("TooManyConfigurations", "You are attempting to create more configurations than allowed.")
        return {"Tiering": kept}

    call.services.objects.buckets.configure(request["Bucket"], change)
    return {}


def _tiering(call: Call, request: Params) -> Params:
    tiering: Params = call.services.objects.buckets.get(request["Bucket"]).settings.get("Tiering", {})
    return tiering


def _no_configuration(bucket: str) -> AwsError:
    return AwsError(
        "NoSuchConfiguration",
        "The specified configuration does not exist.",
        status=404,
        fields={"BucketName": bucket},
    )


@operations
@answering
def get_bucket_intelligent_tiering_configuration(call: Call, request: Params) -> Params:
    found = _tiering(call, request).get(request["Id"])
    if found is None:
        raise _no_configuration(request["Bucket"])
    return {"IntelligentTieringConfiguration": found}


@operations
@answering
def delete_bucket_intelligent_tiering_configuration(call: Call, request: Params) -> Params:
    def change(bucket: Bucket) -> dict[str, Any]:
        kept = dict(bucket.settings.get("Tiering", {}))
        if kept.pop(request["Id"], None) is None:
            raise _no_configuration(bucket.name)
        return {"Tiering": kept or None}

    call.services.objects.buckets.configure(request["Bucket"], change)
    return {}


@operations
@answering
def list_bucket_intelligent_tiering_configurations(call: Call, request: Params) -> Params:
    after, size = request.get("ContinuationToken", ""), 100
    found = sorted((name, kept) for name, kept in _tiering(call, request).items() if name > after)
    result: Params = {"IsTruncated": len(found) > size}
    if found:
        result["IntelligentTieringConfigurationList"] = [kept for _, kept in found[:size]]
    if after:
        result["ContinuationToken"] = after
    if len(found) > size:
        result["NextContinuationToken"] = found[size - 1][0]
    return result


# Logging: switching it off is no promise.


@operations
@answering
def put_bucket_logging(call: Call, request: Params) -> Params:
    call.services.objects.buckets.get(request["Bucket"])
    if request["BucketLoggingStatus"].get("LoggingEnabled"):
        raise not_built("write a log of a bucket's requests into another bucket")
    return {}


add_get(operations, "get_bucket_logging", "Logging")


# What nobody works on: absent, and not to be had.


def _refused(what: str) -> Any:
    def refuse(call: Call, request: Params) -> Params:
        call.services.objects.buckets.get(request["Bucket"])
        raise not_built(what)

    return answering(refuse)


def _absent(call: Call, request: Params) -> Params:
    raise _no_configuration(call.services.objects.buckets.get(request["Bucket"]).name)


def _none(call: Call, request: Params) -> Params:
    call.services.objects.buckets.get(request["Bucket"])
    return {"IsTruncated": False}


_PROMISES: Final = {
    "analytics": "watch how a bucket's objects are used",
    "inventory": "write lists of a bucket's objects by a schedule",
    "metrics": "measure the requests to a bucket",
}
for _what, _promise in _PROMISES.items():
    operations.add(f"put_bucket_{_what}_configuration", _refused(_promise))
    operations.add(f"get_bucket_{_what}_configuration", answering(_absent))
    operations.add(f"delete_bucket_{_what}_configuration", answering(_absent))
    operations.add(f"list_bucket_{_what}_configurations", answering(_none))

operations.add("put_bucket_replication", _refused("copy a bucket's objects into another bucket (replication)"))
add_get(
    operations,
    "get_bucket_replication",
    "Replication",
    absent=("ReplicationConfigurationNotFoundError", "The replication configuration was not found"),
)
add_delete(operations, "delete_bucket_replication", "Replication")
