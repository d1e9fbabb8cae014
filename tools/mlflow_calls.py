"""Writes `src/sagewright/operations/tracking/calls.json`: MLflow's calls, and the action of AWS's that each needs.

Run it with the Python of MLflow's environment (`compute/environments/mlflow.txt`), which has the definitions of all
calls: `<runtimes>/mlflow-<hash>/bin/python tools/mlflow_calls.py`. An action is named like MLflow's own call, save
where AWS's Service Authorization Reference for SageMaker with MLflow names it otherwise.
"""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any, Final

_TARGET: Final = Path(__file__).parents[1] / "src/sagewright/operations/tracking/calls.json"
_DEFINED: Final = (("service_pb2", "MlflowService"), ("model_registry_pb2", "ModelRegistryService"))
_LEFT_OUT: Final = ("/mlflow/gateway/", "/mlflow/prompt-optimization/", "/mlflow/workspaces")
"""What would keep others' secrets, or needs a runner of jobs."""
_CALLED: Final = {
    "batchGetTraceInfos": "GetTraceInfo",
    "batchGetTraces": "GetTraceInfo",
    "getLatestVersions": "GetLatestModelVersions",
    "getMetricHistoryBulkInterval": "GetMetricHistory",
    "getModelVersionDownloadUri": "GetDownloadURIForModelVersionArtifacts",
    "getOnlineTraceDetails": "GetTraceInfo",
    "getTrace": "GetTraceInfo",
    "searchUnifiedTraceHandler": "SearchTraces",
}


def main() -> None:
    """Write the table, sorted by path."""
    found = {}
    extension = importlib.import_module("mlflow.protos.databricks_pb2").rpc
    for module, service in _DEFINED:
        methods: Any = importlib.import_module(f"mlflow.protos.{module}").DESCRIPTOR.services_by_name[service].methods
        for method in methods:
            for endpoint in method.GetOptions().Extensions[extension].endpoints:
                path = "/" + endpoint.path.lstrip("/")
                if not path.startswith(_LEFT_OUT):
                    spelled = f"{path} {endpoint.method} {endpoint.since.major}"
                    found[spelled] = _action(method.name)
    rows = ",\n".join(f"{json.dumps(call)}: {json.dumps(found[call])}" for call in sorted(found))
    _TARGET.write_text("{\n" + rows + "\n}\n")


def _action(call: str) -> str:
    named = _CALLED.get(call) or call.removesuffix("V3")
    return named[0].upper() + named[1:]


if __name__ == "__main__":
    main()
