"""The few addresses that are Sagewright's own: health, credentials and metadata for tasks, MLflow, notebook
instances, Spark's history, what only who holds the root key may do, a page for who looks with a browser."""

from __future__ import annotations

import asyncio
import hashlib
import html
from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qsl

import orjson

import sagewright
from sagewright.base.errors import AwsError, validation_error
from sagewright.edge import metadata, mlflow, notebooks, spark_history
from sagewright.edge.chain import Raw
from sagewright.edge.console import pages
from sagewright.operations.call import Services, Session
from sagewright.operations.iam.roles import default_role_arn
from sagewright.operations.sagemaker.notebooks import addresses
from sagewright.operations.sagemaker.training.interruption import interrupt
from sagewright.operations.sts.credentials import TemporaryCredentials
from sagewright.resources import tries
from sagewright.wire import sigv4
from sagewright.wire.http import Response

PREFIX: Final = "/_sagewright/"
_OWNER: Final = "owner"
"""The name of an owner's sessions."""
_SESSION_SECONDS: Final = 43_200
_NOTHING: Final = hashlib.sha256(b"").hexdigest()


class Platform:
    """Answers what is not AWS's; None for everything else."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._started = services.clock.now()
        self._mlflow = mlflow.Mlflow(services)
        self._notebooks = notebooks.Notebooks(services)
        self._spark_history = spark_history.SparkHistory(services)

    def __call__(self, raw: Raw) -> Awaitable[Response | None] | None:
        request = raw.request
        if (found := addresses.read(request.headers.get("host", ""), self._services.settings)) is not None:
            what, *instance = found
            return (self._notebooks if what == addresses.NOTEBOOK else self._spark_history)(raw, *instance)
        if request.path.startswith(PREFIX):
            return self._answered(raw)
        return self._page(raw) if request.path == "/" else None

    async def _answered(self, raw: Raw) -> Response | None:
        request = raw.request
        name, slash, rest = request.path[len(PREFIX) :].partition("/")
        if name == mlflow.PATH:
            return await self._mlflow(raw, slash + rest)
        if name == pages.PATH:
            return None  # the console's
        if name == metadata.PATH:
            return metadata.answer(self._services, request, rest)
        try:
            if name == spark_history.PATH:
                return _json(await asyncio.to_thread(self._spark_history.ask, raw))
            return self._own(raw, name + slash + rest)
        except AwsError as error:
            return _json({"code": error.code, "message": error.message}, error.status)

    async def _page(self, raw: Raw) -> Response | None:
        request = raw.request
        browsing = not request.query and "text/html" in request.headers.get("accept", "")
        if browsing and "authorization" not in request.headers:
            return pages.page(request) or self._welcome(raw)
        return None

    def _own(self, raw: Raw, name: str) -> Response:
        if name == "health":
            settings = self._services.settings
            return _json(
                {
                    "status": "ok",
                    "started": self._started,
                    "version": sagewright.__version__,
                    "account": settings.account,
                    "region": settings.region,
                    "auth": settings.auth,
                }
            )
        if name == "credentials":
            return self._credentials(raw.request.headers.get("authorization", ""))
        if name == "session":
            return self._session(raw)
        if name == "interrupt" and raw.request.method == "POST":
            return self._interrupt(raw)
        raise AwsError("NotFound", f"There is nothing at {PREFIX}{name}.", status=404)

    def _credentials(self, token: str) -> Response:
        """A task's credentials, in the form of AWS's container credentials endpoint."""
        return _keys(self._services.credentials.redeem(token))

    def _session(self, raw: Raw) -> Response:
        """For who signs with the root key: a session of the default role that may what root may.

        A shell works as a role, so that the SDKs find one; and whoever can read the data folder may administer it.
        """
        self._prove_root(raw)
        services = self._services
        owner = Session(issued=services.clock.now(), owner=True)
        role = default_role_arn(services.settings.account)
        return _keys(services.credentials.issue(role, _OWNER, duration=_SESSION_SECONDS, session=owner))

    def _interrupt(self, raw: Raw) -> Response:
        """For who signs with the root key: `?job=NAME&warning=SECONDS` reclaims a job's Spot instances."""
        region = self._prove_root(raw)
        asked = dict(parse_qsl(raw.request.query))
        try:
            warning = float(asked.get("warning", tries.WARNING))
        except ValueError:
            raise validation_error(f"The warning must be a number of seconds, not {asked['warning']!r}.") from None
        record = interrupt(self._services, self._services.settings.account, region, asked.get("job", ""), warning)
        return _json({"TrainingJobName": record.name, "Try": tries.number(record) + 1, "WarningInSeconds": warning})

    def _prove_root(self, raw: Raw) -> str:
        """The region that a request was signed for. Raises AwsError unless it was with the root key."""
        services = self._services
        now, signature = services.clock.now(), sigv4.read(raw.request)
        if signature is None:
            raise AwsError("AccessDenied", "Sign the request with the root key.", status=403)
        secret, principal = services.credentials.lookup(signature.access_key_id, signature.token, now=now)
        sigv4.verify(signature, raw.request, secret, now=now, body_sha256=_NOTHING)
        if principal.kind != "root":
            raise AwsError("AccessDenied", "Only the root key may do this.", status=403)
        return signature.region

    def _welcome(self, raw: Raw) -> Response:
        origin = html.escape(raw.origin)
        page = (
            "<!doctype html><meta charset=utf-8><title>Sagewright</title>"
            "<style>body{font:16px/1.5 system-ui;max-width:40em;margin:4em auto;padding:0 1em}"
            "code,pre{background:#8882;padding:.1em .3em;border-radius:4px}pre{padding:1em}</style>"
            f"<h1>Sagewright {sagewright.__version__}</h1><p>This server answers AWS's API at <code>{origin}</code>."
            '<p>Point a shell at it:<pre>eval "$(sagewright env)"\naws sagemaker list-training-jobs</pre>'
            "<p>The web console was not built into this installation. With Node.js and npm, in a checkout of the "
            "sources:<pre>make console</pre>"
        )
        return Response(200, {"content-type": "text/html; charset=utf-8"}, page.encode())


def _keys(issued: TemporaryCredentials) -> Response:
    """Credentials in the form of AWS's container credentials endpoint."""
    expires = datetime.fromtimestamp(issued.expiration, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return _json(
        {
            "AccessKeyId": issued.access_key_id,
            "SecretAccessKey": issued.secret_access_key,
            "Token": issued.session_token,
            "Expiration": expires,
        }
    )


def _json(value: dict[str, Any], status: int = 200) -> Response:
    return Response(status, {"content-type": "application/json", "cache-control": "no-store"}, orjson.dumps(value))
