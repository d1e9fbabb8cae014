"""Routed: find the service and the operation.

The services of the SageMaker family sign alike, so a signature alone does not tell them apart. What decides,
in this order: the target header, the signature's scope, the host, the form's API version, the path; S3 takes the
rest, because buckets may be called anything.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache, lru_cache
from typing import Final

from sagewright.base.errors import AwsError
from sagewright.edge.chain import Form, Raw, Routed
from sagewright.edge.steps.form import as_put, is_form, read_form
from sagewright.edge.steps.receive import MAX_BODY, MAX_INVOCATION, read_body, unpacked
from sagewright.wire import model, sigv4
from sagewright.wire.http import Request
from sagewright.wire.protocols import for_request

_BY_TARGET: Final = {row.target_prefix: name for name, row in model.SERVICES.items() if row.target_prefix}
_BY_SCOPE: Final[dict[str, list[str]]] = {}
for _name, _row in model.SERVICES.items():
    _BY_SCOPE.setdefault(_row.signing_name, []).append(_name)
# What SDKs sign for directory buckets: refused in S3's words.
_BY_SCOPE["s3express"] = ["s3"]

# The members of the SageMaker family that are told apart by their paths.
_BY_PATH: Final = tuple(
    name for name, row in model.SERVICES.items() if row.signing_name == "sagemaker" and row.target_prefix is None
)
# AWS's own host names, as DNS or a proxy may deliver them: `runtime.sagemaker.us-east-1.amazonaws.com`.
_HOSTS: Final = {
    "api.sagemaker": "sagemaker",
    "runtime.sagemaker": "sagemaker-runtime",
    "featurestore-runtime.sagemaker": "sagemaker-featurestore-runtime",
    "metrics.sagemaker": "sagemaker-metrics",
    "a2i-runtime.sagemaker": "sagemaker-a2i-runtime",
    "api.ecr": "ecr",
    "monitoring": "cloudwatch",
    **{name: name for name in ("sts", "iam", "logs", "s3", "ec2", "sns", "sqs", "cloudformation")},
}
_FORM_VERSIONS: Final = {"2011-06-15": "sts", "2010-05-08": "iam", "2010-08-01": "cloudwatch"}
STREAMING: Final = frozenset({("s3", "PutObject"), ("s3", "UploadPart")})
"""Whose body is read while it is worked on."""


def signed_for(scope: str) -> Sequence[str]:
    """The services that sign under a name: SageMaker's whole family signs as `sagemaker`."""
    return _BY_SCOPE.get(scope, ())


async def route(raw: Raw) -> Routed:
    """Reads the body too, unless the operation streams it: a form's operation stands in its body."""
    signature = sigv4.read(raw.request)
    service = _by_headers(raw.request, signature)
    body: bytes | None = None
    if service != "s3":
        most = MAX_INVOCATION if service == "sagemaker-runtime" else MAX_BODY
        body = await read_body(raw.receive, raw.request.headers.get("content-length"), most)
        service = service or _by_form(body)
    service = service or "s3"
    if service == "s3":
        addressed = _path_style(raw.request)
    else:
        # The one service with an operation that clients pack. What was signed is what was sent.
        packed = service == "cloudwatch" and raw.request.headers.get("content-encoding") == "gzip"
        addressed = _holding(raw.request, unpacked(body) if packed and body is not None else body)
    service_model = model.service(service)
    form: Form | None = None
    if service == "s3" and signature is None and is_form(addressed):
        form = await read_form(raw, addressed.path)
        addressed = as_put(form, raw)
    protocol = for_request(service_model, addressed)
    operation = service_model.operation_model(protocol.operation_name(addressed, service_model))
    if body is None and (service, operation.name) not in STREAMING:
        body = await read_body(raw.receive, raw.request.headers.get("content-length"))
        addressed = _holding(addressed, body)
    return Routed(raw, signature, service, protocol, service_model, operation, addressed, body, form)


def _holding(request: Request, body: bytes | None) -> Request:
    # Not `replace`, which every request would feel.
    return Request(request.method, request.path, request.query, request.headers, body)


def _by_headers(request: Request, signature: sigv4.Signature | None) -> str | None:
    """The service, or None when only the body can tell."""
    if target := request.headers.get("x-amz-target"):
        service = _BY_TARGET.get(target.rpartition(".")[0])
        if service is None:
            raise AwsError("UnknownOperationException", f"No service answers to the target {target!r}.", status=404)
        return service
    if signature is not None and signature.service:
        candidates = _BY_SCOPE.get(signature.service)
        if candidates is None:
            raise AwsError("UnknownService", f"Sagewright does not serve {signature.service!r} (yet).", status=400)
        if len(candidates) == 1:
            return candidates[0]
        return by_path(request.path) or candidates[0]
    if service := _by_host(request.headers.get("host", "")):
        return service
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return None
    return by_path(request.path) or "s3"


@lru_cache(maxsize=1024)
def by_path(path: str) -> str | None:
    """The member of the SageMaker family that has such a path; None for none."""
    return next((service for service, pattern in _paths() if pattern.match(path)), None)


@cache
def _paths() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Each service's paths, as its model spells them: `/endpoints/{EndpointName}/invocations`."""
    found = []
    for name in _BY_PATH:
        service = model.service(name)
        uris = {service.operation_model(each).http["requestUri"].partition("?")[0] for each in service.operation_names}
        spelled = "|".join(re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(uri)) for uri in sorted(uris))
        found.append((name, re.compile(f"(?:{spelled})/?$")))
    return tuple(found)


def _by_host(host: str) -> str | None:
    name, _, _ = host.partition(".amazonaws.com")
    if name == host:
        return None
    prefix, _, _region = name.rpartition(".")
    return _HOSTS.get(prefix) or _HOSTS.get(name) or ("s3" if re.search(r"(^|\.)s3[.-]", name + ".") else None)


def _by_form(body: bytes) -> str | None:
    version = re.search(rb"(?:^|&)Version=([0-9-]+)", body)
    return _FORM_VERSIONS.get(version[1].decode()) if version else None


def _path_style(request: Request) -> Request:
    """Put the bucket that a virtual host names in front of the path."""
    host = request.headers.get("host", "").rsplit(":", 1)[0]
    bucket = bucket_of_host(host)
    return request if bucket is None else replace(request, path=f"/{bucket}{request.path}")


def bucket_of_host(host: str) -> str | None:
    """`b` in `b.s3.us-east-1.amazonaws.com`, `b.s3.localhost` and `b.localhost`; None for path style."""
    try:
        ipaddress.ip_address(host.strip("[]"))
        return None
    except ValueError:
        pass
    found = re.match(r"(.+)\.s3[.-](?:[a-z0-9-]+\.)*(?:amazonaws\.com(?:\.cn)?|localhost|[a-z0-9.-]+)$", host)
    if found:
        return found[1]
    found = re.match(r"(.+)\.localhost$", host)
    return found[1] if found and found[1] != "s3" else None
