"""Keeps AWS's own addresses out of clients that were pointed at Sagewright; botocore loads it into each.

`AWS_ENDPOINT_URL` moves a client only where the program names no address itself. The SageMaker SDKs name
one: they make their STS client with `endpoint_url="https://sts.<region>.amazonaws.com"`, so that
`default_bucket()` and `get_execution_role()` would ask AWS. `sagewright env` therefore prints, besides that
variable, `BOTOCORE_EXPERIMENTAL__PLUGINS=sagewright=sagewright_botocore` and a `PYTHONPATH` with this folder:
botocore then calls `initialize_client_plugin` for every client it makes.

`AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true`, botocore's own switch, turns this off as well: so a program still
reaches AWS when it means to.

This runs inside the user's own Python, whatever its version: no import beyond the standard library and botocore.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from botocore.client import BaseClient

AWS_DOMAINS = (".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu", ".api.aws")
ENDPOINT = "SDK::Endpoint"  # botocore's name for the address that a client was made with


def initialize_client_plugin(client: BaseClient) -> None:
    """Where `client` was made with one of AWS's addresses, send it where its settings say."""
    target = configured_endpoint(client.meta.service_model.service_id)
    if not target or os.environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
        return

    def redirect(builtins: dict[str, Any], **_: object) -> None:
        if is_aws(builtins.get(ENDPOINT)):
            builtins[ENDPOINT] = target

    client.meta.events.register("before-endpoint-resolution", redirect)
    if is_aws(client.meta.endpoint_url):
        choose_proxy_anew(client, target)


def choose_proxy_anew(client: Any, target: str) -> None:
    """botocore chose a proxy when it made the client, for the address it was made with: it may not lead to ours."""
    from botocore.utils import get_environ_proxies

    with contextlib.suppress(AttributeError):  # these are botocore's own affairs, which may change
        client._endpoint.http_session._proxy_config._proxies = get_environ_proxies(target)


def configured_endpoint(service_id: str) -> str | None:
    """The address that the environment gives for a service, read as botocore reads it."""
    of_service = "AWS_ENDPOINT_URL_" + service_id.replace(" ", "_").replace("-", "_").upper()
    return os.environ.get(of_service) or os.environ.get("AWS_ENDPOINT_URL")


def is_aws(url: str | None) -> bool:
    """Whether an address is one of AWS's public ones."""
    host = urlsplit(url).hostname if url else None
    return bool(host) and str(host).endswith(AWS_DOMAINS)
