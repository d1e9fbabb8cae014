"""What a request to a tracking server amounts to, as an action of `sagemaker-mlflow`.

`calls.json` has MLflow's calls as `{"/mlflow/runs/get GET 2": "GetRun", …}`: path, method, version of the interface.
`tools/mlflow_calls.py` writes it and says where its facts come from. Clients ask under /api/, the user interface under
/ajax-api/. What stands in neither table is not passed on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

import orjson

FREE: Final = ""
"""In the place of an action: what everybody may who may in at all."""

_TABLE: Final = Path(__file__).with_name("calls.json")
_INTERFACE: Final = re.compile(r"/(?:ajax-)?api/(\d)\.0(/.*)")
# What MLflow answers beside the calls that it defines: the pages of the user interface, and what these ask for.
_BESIDE: Final[Mapping[tuple[str, str], str]] = {
    ("GET", "/"): FREE,
    ("GET", "/health"): FREE,
    ("GET", "/version"): FREE,
    ("GET", "/get-artifact"): "ListArtifacts",
    ("GET", "/model-versions/get-artifact"): "GetDownloadURIForModelVersionArtifacts",
    ("POST", "/graphql"): "GetRun",
    ("POST", "/v1/traces"): "StartTrace",
}
_BESIDE_CALLS: Final[Mapping[str, str]] = {
    "/mlflow/experiments/search-datasets POST 2": "SearchRuns",
    "/mlflow/gateway-proxy GET 2": FREE,  # which gateways there are: none
    "/mlflow/get-trace-artifact GET 2": "GetTraceInfo",
    "/mlflow/get-trace-artifact GET 3": "GetTraceInfo",
    "/mlflow/logged-models/{model_id}/artifacts/files GET 2": "ListLoggedModelArtifacts",
    "/mlflow/metrics/get-history-bulk GET 2": "GetMetricHistory",
    "/mlflow/server-info GET 3": FREE,
    "/mlflow/ui-telemetry GET 3": FREE,
    "/mlflow/ui-telemetry POST 3": FREE,
}


def action(method: str, path: str) -> str | None:
    """The action without its prefix, for a path as MLflow sees it; None for what is not passed on."""
    method = "GET" if method == "HEAD" else method
    if "%2f" in path.lower():
        return None  # MLflow would see other steps than we do
    if method == "GET" and path.startswith("/static-files/"):
        return FREE
    found = _INTERFACE.fullmatch(path)
    if found is None:
        return _BESIDE.get((method, path))
    spelled = f"{found[2]} {method} {found[1]}"
    plain, patterns = _calls()
    if spelled in plain:
        return plain[spelled]
    return next((name for pattern, name in patterns if pattern.fullmatch(spelled)), None)


@cache
def _calls() -> tuple[Mapping[str, str], tuple[tuple[re.Pattern[str], str], ...]]:
    """Those whose path is fixed, and those whose path holds a name."""
    table = {**orjson.loads(_TABLE.read_bytes()), **_BESIDE_CALLS}
    plain = {call: name for call, name in table.items() if "{" not in call}
    patterns = tuple(
        (re.compile(re.sub(r"\\{[^}]*\\}", "[^/ ]+", re.escape(call))), name)
        for call, name in table.items()
        if "{" in call
    )
    return plain, patterns
