"""Feature groups: which features there are, which of them name a record and its time, where records go."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from sagewright.base.errors import AwsError, validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.features.definitions import MOST, check_definitions, check_keys
from sagewright.operations.sagemaker.features.group_lineage import contexts
from sagewright.operations.sagemaker.listing import output_of, project, sliced
from sagewright.operations.sagemaker.noun import Noun
from sagewright.operations.sagemaker.roles import check_role
from sagewright.resources.record import Record


def _missing(name: str, _arn: str) -> AwsError:
    return AwsError("ResourceNotFound", f"Resource Not Found: Amazon SageMaker can't find a FeatureGroup named {name}.")


def _exists(name: str, _arn: str) -> AwsError:
    return AwsError("ResourceInUse", f"Resource Already Exists: a FeatureGroup named {name} is there. Choose another.")


_OFFLINE: Final = "OfflineStoreStatus.Status"
_ACTIVE: Final = {"Status": "Active"}
_STANDARD: Final = "Standard"
_CATALOG, _DATABASE = "AwsDataCatalog", "sagemaker_featurestore"
NOUN: Final = Noun(
    "FeatureGroup",
    "feature-group",
    _missing,
    _exists,
    facets={"OfflineStoreStatus": _OFFLINE},
    filters={"OfflineStoreStatusEquals": "OfflineStoreStatus"},
    sorts={"OfflineStoreStatus": _OFFLINE},
)
operations = NOUN.operations(but=("describe_feature_group",), delete=True)


@operations
def create_feature_group(call: Call, request: Params) -> Params:
    _check(request)
    check_keys(request)
    check_definitions(request["FeatureDefinitions"], in_memory=_in_memory(request))
    _check_throughput(request)
    if "RoleArn" in request:
        check_role(call, request["RoleArn"])
    spec, status = request, {}
    if "OfflineStoreConfig" in request:
        spec = {**request, "OfflineStoreConfig": _resolved(call, request)}
        status = {"OfflineStoreStatus": _ACTIVE}
    record = NOUN.create(call, spec, state="Created", status=status, beside=lambda group: contexts(call, group))
    return NOUN.answer(call, record)


@operations
def describe_feature_group(call: Call, request: Params) -> Params:
    view = NOUN.view(NOUN.named(call, request))
    asked = {"MaxResults": MOST}
    if request.get("NextToken"):  # the SDK v3 gives back the empty one that the last page has
        asked["NextToken"] = request["NextToken"]
    page = sliced(view["FeatureDefinitions"], asked, "FeatureDefinitions")
    return project({**view, "NextToken": "", **page}, output_of(call))


@operations
def update_feature_group(call: Call, request: Params) -> Params:
    added = request.get("FeatureAdditions", [])
    changed: Params = {
        member: request[member] for member in ("OnlineStoreConfig", "ThroughputConfig") if member in request
    }
    if not added and not changed:
        raise validation_error("One of FeatureAdditions, OnlineStoreConfig and ThroughputConfig must be given.")

    def update(record: Record) -> Record:
        if "OnlineStoreConfig" in changed and not record.spec.get("OnlineStoreConfig", {}).get("EnableOnlineStore"):
            raise validation_error(f"FeatureGroup {record.name} has no online store that could be changed.")
        _check_storage(record, changed.get("OnlineStoreConfig", {}))
        spec = {**record.spec, **{member: {**_kept(record, member, new), **new} for member, new in changed.items()}}
        spec["FeatureDefinitions"] = [*record.spec["FeatureDefinitions"], *added]
        check_definitions(spec["FeatureDefinitions"], in_memory=_in_memory(spec))
        _check_throughput(spec)
        since = {**record.status.get("since", {}), **{each["FeatureName"]: call.now for each in added}}
        status = {**record.status, "since": since, "LastUpdateStatus": {"Status": "Successful"}}
        return replace(record, spec=spec, status=status)

    return NOUN.answer(call, NOUN.amend(call, request["FeatureGroupName"], update))


def _check(request: Params) -> None:
    online = request.get("OnlineStoreConfig", {}).get("EnableOnlineStore", False)
    if not online and "OfflineStoreConfig" not in request:
        raise validation_error("At least one of an enabled OnlineStoreConfig and an OfflineStoreConfig must be given.")
    if "OfflineStoreConfig" in request and "RoleArn" not in request:
        raise validation_error("RoleArn is required with OfflineStoreConfig: records are written under that role.")
    offline = request.get("OfflineStoreConfig", {})
    if offline.get("TableFormat") == "Iceberg" and offline.get("DisableGlueTableCreation"):
        raise validation_error(
            "An Iceberg table's state is kept in Glue's catalog: leave DisableGlueTableCreation out, or choose Glue."
        )


def _check_throughput(spec: Params) -> None:
    config: Params = spec.get("ThroughputConfig", {})
    online: Params = spec.get("OnlineStoreConfig", {})
    units = [member for member in config if member.endswith("CapacityUnits")]
    mode = config.get("ThroughputMode")
    if mode == "Provisioned":
        if online.get("StorageType", _STANDARD) != _STANDARD:
            raise validation_error(
                f"Provisioned throughput is for online stores of type {_STANDARD} and for groups without one; this "
                f"is of type {online['StorageType']}. Choose OnDemand."
            )
        wanted = [f"Provisioned{each}CapacityUnits" for each in ("Read", "Write")]
        if missing := [each for each in wanted[not online.get("EnableOnlineStore") :] if each not in units]:
            raise validation_error(f"Provisioned throughput needs {' and '.join(missing)}.")
    elif units:
        raise validation_error(f"{units[0]} cannot be given without ThroughputMode Provisioned.")


def _check_storage(record: Record, changed: Params) -> None:
    """A store goes from Standard to Standard_V2, and nowhere else."""
    now, wanted = record.spec.get("OnlineStoreConfig", {}).get("StorageType", _STANDARD), changed.get("StorageType")
    if wanted not in (None, now) and (now, wanted) != (_STANDARD, "Standard_V2"):
        raise validation_error(
            f"The online store of FeatureGroup {record.name} is of type {now} and cannot become one of type {wanted}: "
            f"only {_STANDARD} can become Standard_V2. Create another group."
        )


def _kept(record: Record, member: str, new: Params) -> Params:
    """What a change leaves as it is: capacities go with the mode that they are of."""
    before: Params = record.spec.get(member, {})
    if new.get("ThroughputMode", before.get("ThroughputMode")) != before.get("ThroughputMode"):
        return {}
    return before


def _in_memory(spec: Params) -> bool:
    return bool(spec.get("OnlineStoreConfig", {}).get("StorageType") == "InMemory")


def _resolved(call: Call, request: Params) -> Params:
    """The offline store's configuration with the place where this group's records go."""
    config: Params = request["OfflineStoreConfig"]
    storage = config["S3StorageConfig"]
    folder = f"{call.account}/sagemaker/{call.region}/offline-store/{request['FeatureGroupName']}-{int(call.now)}/data"
    place = f"{storage['S3Uri'].rstrip('/')}/{folder}"
    table = f"{request['FeatureGroupName'].replace('-', '_').lower()}_{int(call.now)}"
    catalog = {"TableName": table, "Catalog": _CATALOG, "Database": _DATABASE}
    named = {} if config.get("DisableGlueTableCreation") else {"DataCatalogConfig": catalog}
    return {**named, **config, "S3StorageConfig": {**storage, "ResolvedOutputS3Uri": place}}
