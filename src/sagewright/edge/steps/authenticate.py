"""Identified: prove who signed the request, and wrap a streamed body so that it proves itself."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final

from sagewright.base.errors import AwsError, validation_error
from sagewright.base.settings import Settings
from sagewright.edge.body import BodyStream
from sagewright.edge.chain import Identified, Routed
from sagewright.edge.steps.form import signer
from sagewright.edge.steps.route import signed_for
from sagewright.operations import unbuilt
from sagewright.operations.call import Principal
from sagewright.operations.sts.credentials import Credentials
from sagewright.wire import chunked, model, sigv4, sigv4_errors


def authenticate(routed: Routed, credentials: Credentials, settings: Settings, now: float) -> Identified:
    signature = routed.signature
    if routed.form is not None:
        return Identified(routed, *signer(routed.form, credentials, settings, now), routed.form.file)
    if settings.auth == "off":
        root = Principal(settings.account, f"arn:aws:iam::{settings.account}:root", settings.account, "root")
        region = (signature.region if signature else "") or settings.region
        return Identified(routed, root, region, _body(routed, None))
    if signature is None:
        if routed.service != "s3":
            raise _unsigned(routed)
        # Whoever does not sign is nobody: the gate lets pass what a bucket's policy opens to everybody.
        return Identified(
            routed, Principal(settings.account, "", "", "anonymous"), settings.region, _body(routed, None)
        )
    _check_scope(routed, signature)
    try:
        secret, principal = credentials.lookup(signature.access_key_id, signature.token, now=now)
    except AwsError as error:
        raise _spelled(error, routed) from None
    body_hash = hashlib.sha256(routed.body).hexdigest() if routed.body is not None else None
    resource = routed.addressed.path if routed.service == "s3" else None
    sigv4.verify(signature, routed.raw.request, secret, now=now, body_sha256=body_hash, resource=resource)
    credentials.last_used.note(
        principal, signature.access_key_id, service=routed.service, region=signature.region or settings.region
    )
    return Identified(routed, principal, signature.region or settings.region, _body(routed, secret))


def _check_scope(routed: Routed, signature: sigv4.Signature) -> None:
    """Raises AwsError for a signature that was made for another service than the one that is asked, which whoever
    holds it was not meant to ask; and for a region that is none: it goes into ARNs and names of folders."""
    if routed.service not in signed_for(signature.service):
        wanted = model.SERVICES[routed.service].signing_name
        message = f"Credential should be scoped to correct service: '{wanted}'."
    elif signature.region and not _REGION.fullmatch(signature.region):
        message = "Credential should be scoped to a valid region."
    else:
        return
    raise sigv4_errors.scope(routed.raw.request, signature.service, message)


_REGION: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")


def _body(routed: Routed, secret: str | None) -> Any:
    """The body without aws-chunked framing. `secret` is None when nobody's signature counts."""
    declared = routed.raw.request.headers.get("x-amz-content-sha256", "")
    decoder = None
    if routed.service == "s3" and declared.startswith("STREAMING-"):
        decoder = chunked.decoder(routed.raw.request, routed.signature, secret)
    if routed.body is None:
        return BodyStream(routed.raw.receive, decoder=decoder, sha256=declared if len(declared) == 64 else None)
    if decoder is None:
        return routed.body
    pieces = decoder.feed(routed.body)
    decoder.finish()
    return b"".join(pieces)


# What the families of services call a key that STS does not know, or that has run out.
_KEY_REFUSALS: Final[Mapping[tuple[str, bool], tuple[str, int]]] = {
    ("InvalidClientTokenId", True): ("UnrecognizedClientException", 400),
    ("ExpiredToken", True): ("ExpiredTokenException", 400),
}


def _spelled(error: AwsError, routed: Routed) -> AwsError:
    """The refusal of a key in the words of the service that was called."""
    if routed.service == "s3" and error.code == "InvalidClientTokenId":
        message = "The AWS Access Key Id you provided does not exist in our records."
        fields = {"AWSAccessKeyId": routed.signature.access_key_id} if routed.signature else {}
        return AwsError("InvalidAccessKeyId", message, status=403, fields=fields)
    speaks_json = "json" in routed.model.metadata.get("protocol", "")
    code, status = _KEY_REFUSALS.get((error.code, speaks_json), (error.code, error.status))
    return AwsError(code, error.message, status=status)


def _unsigned(routed: Routed) -> AwsError:
    reason = unbuilt.unbuilt(routed.service).get(routed.operation.name)
    if routed.operation.auth_type == "none" and reason is not None:
        return validation_error(f"Sagewright does not {reason}.")
    return AwsError(
        "MissingAuthenticationTokenException",
        "Missing Authentication Token: sign the request with AWS Signature Version 4. "
        '`eval "$(sagewright env)"` gives your shell the keys.',
        status=403,
    )
