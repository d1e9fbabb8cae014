"""What requests for records have in common: the group they name, its stores, how long a record lives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sagewright.base.errors import AwsError
from sagewright.dataplane.features.changes import Change, Layout
from sagewright.dataplane.features.event_time import SECOND
from sagewright.dataplane.features.group_file import Kept
from sagewright.dataplane.features.groups import Group, ttl_of
from sagewright.dataplane.features.schema import BadRecord, sent, values_of
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.features import feature_group
from sagewright.operations.table import briefly

ONLINE, OFFLINE = "OnlineStore", "OfflineStore"


def invalid(message: str) -> AwsError:
    """The request cannot be right."""
    return AwsError("ValidationError", message)


async def group_named(call: Call, name: str) -> Group:
    """The group of a name or an ARN. Raises ResourceNotFound."""
    if not name.startswith("arn:"):
        known = call.services.features.known(feature_group.NOUN.key(call, name))
        if known is not None:
            return known
    group = await briefly(call, lambda: call.services.features.group(feature_group.NOUN.key(call, name)))
    if group is None:
        raise AwsError("ResourceNotFound", f"There is no FeatureGroup named {name}.", status=404)
    return group


def check_online(group: Group) -> None:
    """Raises ValidationError for a group that cannot be read from."""
    if not group.online:
        raise invalid(f"FeatureGroup {group.name} has no online store. Its records are in its offline store only.")


def stores(group: Group, request: Params) -> tuple[bool, Layout | None]:
    """Whether the online store is meant, and the offline store if it is. Raises ValidationError."""
    wanted: Sequence[str] = request.get("TargetStores", ())
    if len(set(wanted)) < len(wanted):
        raise invalid("TargetStores must name each store once.")
    for store, there in ((ONLINE, group.online), (OFFLINE, group.offline is not None)):
        if store in wanted and not there:
            raise invalid(f"FeatureGroup {group.name} has no {store}. Leave it out of TargetStores.")
    return (
        group.online and (not wanted or ONLINE in wanted),
        group.offline if not wanted or OFFLINE in wanted else None,
    )


def put_of(call: Call, group: Group, request: Params, duration: Mapping[str, Any] | None = None) -> Change:
    """What putting a record changes; `duration` is how long it lives if it does not say so. Raises ValidationError."""
    online, offline = stores(group, request)
    if "TtlDuration" in request and not online:
        raise invalid("TtlDuration is about the online store, which this request leaves out.")
    try:
        record = group.schema.record(given(request["Record"]))
    except BadRecord as error:
        raise invalid(str(error)) from None
    return Change(
        "put",
        record.identifier,
        record.time,
        record.values,
        asked(call),
        ttl_of(request.get("TtlDuration", duration)) or group.ttl,
        online,
        offline,
    )


def given(record: Sequence[Params]) -> Sequence[tuple[str, Any]]:
    """Names and values of a record as it was sent. Raises ValidationError."""
    pairs = []
    for value in record:
        one, many = value.get("ValueAsString"), value.get("ValueAsStringList")
        if (one is None) == (many is None):
            raise invalid(
                f"Feature {value['FeatureName']} needs one of ValueAsString and ValueAsStringList. "
                "Leave the feature out where it has no value."
            )
        pairs.append((value["FeatureName"], one if many is None else many))
    return pairs


def shown(record: Kept, names: Sequence[str] | None) -> bytes:
    """A record as it is sent: all of it, or the features of these names that it has."""
    if names is None:
        return record.data
    values = values_of(record.data)
    return sent({name: values[name] for name in names if name in values})


def check_names(group: Group, names: Sequence[str] | None) -> None:
    """Raises ValidationError for features that the group does not have."""
    for name in names or ():
        if name not in group.schema.features:
            raise invalid(f"There is no feature named {name} in FeatureGroup {group.name}.")


def asked(call: Call) -> int:
    """Microseconds since the epoch."""
    return int(call.now * SECOND)
