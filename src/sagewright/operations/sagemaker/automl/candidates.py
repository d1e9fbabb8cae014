"""The candidates that an Autopilot job has tried: its controller's notes, listed."""

from __future__ import annotations

from typing import Any

from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.automl.auto_ml_job import NOUN
from sagewright.operations.sagemaker.listing import at, sliced
from sagewright.operations.table import Operations

operations = Operations()


@operations
def list_candidates_for_auto_ml_job(call: Call, request: Params) -> Params:
    candidates = [
        candidate
        for candidate in NOUN.named(call, request).status.get("Candidates", ())
        if request.get("StatusEquals") in (None, candidate["CandidateStatus"])
        and request.get("CandidateNameEquals") in (None, candidate["CandidateName"])
    ]
    path = {"Status": "CandidateStatus", "FinalObjectiveMetricValue": "FinalAutoMLJobObjectiveMetric.Value"}.get(
        request.get("SortBy", ""), "CreationTime"
    )

    def position(candidate: Params) -> tuple[bool, Any]:
        value = at(candidate, path)
        return value is not None, value

    candidates.sort(key=position, reverse=request.get("SortOrder") == "Descending")
    return sliced(candidates, request, "Candidates")
