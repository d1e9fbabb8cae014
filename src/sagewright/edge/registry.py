"""The registry's HTTP protocol at /v2/: what docker, podman and their like speak.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md. Each request is authorized as the actions of ECR
that it amounts to. Who asks is told by the ticket of GetAuthorizationToken, which comes as a password; it tells the
region too, since `HOST:PORT/NAME` does not.
"""

from __future__ import annotations

import base64
import binascii
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final
from urllib.parse import parse_qs, unquote

from sagewright.base.errors import AwsError, Transient
from sagewright.dataplane.images.values import ImagesError
from sagewright.edge.chain import Raw
from sagewright.edge.registry_blobs import Blobs
from sagewright.edge.registry_manifests import Manifests
from sagewright.edge.registry_visit import RegistryError, Visit, refused
from sagewright.edge.steps.route import bucket_of_host
from sagewright.operations.call import Principal, Services
from sagewright.operations.ecr import tickets
from sagewright.resources.ecr import NAME, registry_of_host
from sagewright.wire.http import Response

_log = logging.getLogger(__name__)

Answer = Callable[[Visit], Awaitable[Response]]
_NAMED: Final = re.compile(
    r"/v2/(?P<name>.+)/(?P<what>manifests|blobs/uploads|blobs|tags|referrers)/(?P<reference>[^/]*)"
)


class Registry:
    """Answers requests under /v2/; None for everything else."""

    def __init__(self, services: Services) -> None:
        self._services = services
        workers = ThreadPoolExecutor(8, thread_name_prefix="registry")
        blobs, manifests = Blobs(services, workers), Manifests(services, workers)
        self._manifests = manifests
        self._answers: Mapping[tuple[str, str], Answer] = {
            ("manifests", "GET"): manifests.get,
            ("manifests", "HEAD"): manifests.get,
            ("manifests", "PUT"): manifests.put,
            ("manifests", "DELETE"): manifests.delete,
            ("tags", "GET"): manifests.tags,
            ("referrers", "GET"): manifests.referrers,
            ("blobs", "GET"): blobs.get,
            ("blobs", "HEAD"): blobs.head,
            ("blobs/uploads", "POST"): blobs.begin,
            ("blobs/uploads", "GET"): blobs.status,
            ("blobs/uploads", "PATCH"): blobs.append,
            ("blobs/uploads", "PUT"): blobs.complete,
            ("blobs/uploads", "DELETE"): blobs.abort,
        }

    def __call__(self, raw: Raw) -> Awaitable[Response] | None:
        return self._answered(raw) if _is_ours(raw) else None

    async def _answered(self, raw: Raw) -> Response:
        name = ""
        try:
            found = _NAMED.fullmatch(unquote(raw.request.path))
            name = found["name"] if found else ""
            response = await self._answer(raw, found)
        except (AwsError, ImagesError, RegistryError) as error:
            response = refused(error, name, self._services.settings.account)
        except Transient as error:
            response = refused(RegistryError("UNAVAILABLE", str(error), 503), name, "")
        except Exception:  # noqa: BLE001
            _log.exception("request %s failed", raw.request_id)
            why = f"Sagewright failed to answer. Its log has the cause under request id {raw.request_id}."
            response = refused(RegistryError("UNKNOWN", why, 500), name, "")
        response.headers["docker-distribution-api-version"] = "registry/2.0"
        response.headers["x-amzn-requestid"] = raw.request_id
        return response

    async def _answer(self, raw: Raw, found: re.Match[str] | None) -> Response:
        method, path = raw.request.method, raw.request.path
        name = found["name"] if found else ""
        visit = self._visit(raw, name, found["reference"] if found else "")
        if path in ("/v2", "/v2/"):
            return Response(200, {"content-type": "application/json"}, b"{}")
        if path == "/v2/_catalog" and method == "GET":
            return await self._manifests.catalog(visit)
        if found is None or (found["what"] == "tags" and found["reference"] != "list"):
            raise RegistryError("UNSUPPORTED", f"There is nothing at {path}.", 404)
        if not NAME.fullmatch(name) or len(name) > 256:
            raise RegistryError("NAME_INVALID", f"{name[:300]!r} is no name of a repository.", 400)
        answer = self._answers.get((found["what"], method))
        if answer is None:
            raise RegistryError("UNSUPPORTED", f"{method} is not supported for {found['what']}.", 405)
        return await answer(visit)

    def _visit(self, raw: Raw, name: str, reference: str) -> Visit:
        """Who asks for what. Raises RegistryError (401), AwsError."""
        services = self._services
        query = {key: values[-1] for key, values in parse_qs(raw.request.query, keep_blank_values=True).items()}
        principal, region = self._caller(raw, name, reference, query)
        host = registry_of_host(raw.request.headers.get("host", ""))
        if host is not None:
            if host[0] != services.settings.account:
                raise RegistryError("DENIED", f"There is no registry {host[0]} here.", 403)
            region = host[1]
        return Visit(services, raw, principal, region, name, reference, query)

    def _caller(self, raw: Raw, name: str, reference: str, query: Mapping[str, str]) -> tuple[Principal, str]:
        services = self._services
        settings = services.settings
        shown, purpose = _password(raw.request.headers.get("authorization", "")), tickets.LOGIN
        if shown is None and "ticket" in query and raw.request.method in ("GET", "HEAD"):
            shown, purpose = query["ticket"], tickets.of_layer(name, reference)
        try:
            if shown is not None:
                ticket = tickets.check(services.credentials, shown, purpose, now=services.clock.now())
                return ticket.principal, ticket.region
        except AwsError as error:
            if error.code == "ExpiredToken" and settings.auth != "off":
                why = "Your authorization token has expired. Reauthenticate and try again."
                raise RegistryError("DENIED", why, 403) from None
        if settings.auth == "off":
            root = Principal(settings.account, f"arn:aws:iam::{settings.account}:root", settings.account, "root")
            return root, settings.region
        raise _unauthorized(raw, shown is not None)


def _is_ours(raw: Raw) -> bool:
    """No bucket is called v2, but a bucket that the host names may hold such a key; and who signs asks a service."""
    request = raw.request
    if not request.path.startswith("/v2/") and request.path != "/v2":
        return False
    if request.headers.get("authorization", "").startswith("AWS4") or "X-Amz-" in request.query:
        return False
    return bucket_of_host(request.headers.get("host", "").rsplit(":", 1)[0]) is None


def _password(header: str) -> str | None:
    """The password of the user AWS; None where there is none."""
    kind, _, value = header.partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(value.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return ""
    return password if colon and user == tickets.USER else ""


def _unauthorized(raw: Raw, shown: bool) -> RegistryError:
    host = raw.origin.partition("://")[2]
    login = f"aws ecr get-login-password | docker login --username {tickets.USER} --password-stdin {host}"
    what = "The user or the authorization token is wrong" if shown else "Log in first"
    challenge = {"www-authenticate": f'Basic realm="{raw.origin}/",service="ecr.amazonaws.com"'}
    return RegistryError("UNAUTHORIZED", f"{what}: {login}", 401, challenge)
