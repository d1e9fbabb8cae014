"""What Sagewright has none of: archives, replays, connections, API destinations, global endpoints, partner sources.

Nothing of the kind can be made here, so listing them finds nothing, describing one does not find it, and making one is
refused as every operation that is not built.
"""

from __future__ import annotations

from collections.abc import Callable

from botocore import xform_name

from sagewright.base.errors import AwsError
from sagewright.operations.call import Call, Params
from sagewright.operations.table import Operations

operations = Operations()

# Add a kind here: as List… spells it, the member of the answer, and what one is called.
_LISTS = {
    "ListArchives": "Archives",
    "ListReplays": "Replays",
    "ListConnections": "Connections",
    "ListApiDestinations": "ApiDestinations",
    "ListEndpoints": "Endpoints",
    "ListEventSources": "EventSources",
    "ListPartnerEventSources": "PartnerEventSources",
    "ListPartnerEventSourceAccounts": "PartnerEventSourceAccounts",
}
# The member that names one, by operation.
_MISSING = {
    "DescribeArchive": "ArchiveName",
    "UpdateArchive": "ArchiveName",
    "DeleteArchive": "ArchiveName",
    "DescribeReplay": "ReplayName",
    "CancelReplay": "ReplayName",
    "DescribeConnection": "Name",
    "UpdateConnection": "Name",
    "DeleteConnection": "Name",
    "DeauthorizeConnection": "Name",
    "DescribeApiDestination": "Name",
    "UpdateApiDestination": "Name",
    "DeleteApiDestination": "Name",
    "DescribeEndpoint": "Name",
    "UpdateEndpoint": "Name",
    "DeleteEndpoint": "Name",
    "DescribeEventSource": "Name",
    "ActivateEventSource": "Name",
    "DeactivateEventSource": "Name",
    "DescribePartnerEventSource": "Name",
}


def _empty(member: str) -> Callable[[Call, Params], Params]:
    return lambda _call, _request: {member: []}


def _not_found(member: str) -> Callable[[Call, Params], Params]:
    def refuse(_call: Call, request: Params) -> Params:
        raise AwsError("ResourceNotFoundException", f"{request[member]} does not exist.")

    return refuse


for _operation, _member in _LISTS.items():
    operations.add(xform_name(_operation), _empty(_member))
for _operation, _member in _MISSING.items():
    operations.add(xform_name(_operation), _not_found(_member))
