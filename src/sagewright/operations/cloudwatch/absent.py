"""What Sagewright has none of: anomaly detectors, metric streams, Contributor Insights rules, mute rules.

Nothing of the kind can be made here, so listing them finds nothing; making one is refused as every operation that is
not built.
"""

from __future__ import annotations

from collections.abc import Callable

from botocore import xform_name

from sagewright.operations.call import Call, Params
from sagewright.operations.table import Operations

operations = Operations()

# Add a kind here: the operation, and the member of its answer.
_LISTS = {
    "DescribeAnomalyDetectors": "AnomalyDetectors",
    "DescribeInsightRules": "InsightRules",
    "ListManagedInsightRules": "ManagedRules",
    "ListMetricStreams": "Entries",
    "ListAlarmMuteRules": "AlarmMuteRuleSummaries",
}


def _empty(member: str) -> Callable[[Call, Params], Params]:
    return lambda _call, _request: {member: []}


for _operation, _member in _LISTS.items():
    operations.add(xform_name(_operation), _empty(_member))
