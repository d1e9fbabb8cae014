from __future__ import annotations

import pytest

from sagewright.operations.tracking.calls import FREE, action


@pytest.mark.parametrize(
    ("method", "path", "named"),
    [
        ("GET", "/api/2.0/mlflow/runs/get", "GetRun"),
        ("HEAD", "/api/2.0/mlflow/runs/get", "GetRun"),
        ("POST", "/ajax-api/2.0/mlflow/runs/search", "SearchRuns"),
        ("POST", "/api/2.0/mlflow/runs/log-batch", "LogBatch"),
        ("GET", "/api/2.0/mlflow/registered-models/get-latest-versions", "GetLatestModelVersions"),
        ("GET", "/api/2.0/mlflow/model-versions/get-download-uri", "GetDownloadURIForModelVersionArtifacts"),
        ("PATCH", "/api/2.0/mlflow/logged-models/m-1", "FinalizeLoggedModel"),
        ("GET", "/api/2.0/mlflow/logged-models/m-1", "GetLoggedModel"),
        ("POST", "/api/2.0/mlflow/logged-models/search", "SearchLoggedModels"),
        ("POST", "/api/3.0/mlflow/traces", "StartTrace"),
        ("GET", "/api/3.0/mlflow/traces/tr-1", "GetTraceInfo"),
        ("PATCH", "/api/2.0/mlflow/traces/tr-1/tags", "SetTraceTag"),
        ("PATCH", "/api/2.0/mlflow/traces/tr-1", "EndTrace"),
        ("GET", "/get-artifact", "ListArtifacts"),
        ("GET", "/", FREE),
        ("GET", "/static-files/static/js/main.js", FREE),
        # Not passed on.
        ("POST", "/static-files/a", None),
        ("DELETE", "/api/2.0/mlflow/runs/get", None),
        ("GET", "/api/3.0/mlflow/runs/get", None),
        ("GET", "/ajax-api/3.0/mlflow/gateway/secrets/list", None),
        ("POST", "/ajax-api/3.0/mlflow/assistant/message", None),
        ("PUT", "/api/2.0/mlflow-artifacts/artifacts/a", None),
        ("GET", "/api/2.0/mlflow/runs/get/", None),
        # What MLflow would read as another call than its spelling says.
        ("PATCH", "/api/2.0/mlflow/traces/tr-1%2Ftags", None),
        ("GET", "//api/2.0/mlflow/runs/get", None),
        ("GET", "/API/2.0/mlflow/runs/get", None),
    ],
)
def test_each_call_is_an_action_or_is_not_passed_on(method: str, path: str, named: str | None) -> None:
    assert action(method, path) == named
