"""Browser forms that post a file into a bucket: read as the PutObject that they stand for.

Fields, checks and answers: https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit
from xml.etree.ElementTree import Element

from sagewright.base.errors import AwsError
from sagewright.base.settings import Settings
from sagewright.edge.chain import Form, Raw, Receive
from sagewright.operations.call import Params, Principal
from sagewright.operations.sts.credentials import Credentials
from sagewright.wire import post_policy
from sagewright.wire.forms import FormReader, boundary_of, malformed
from sagewright.wire.http import Request, Response
from sagewright.wire.protocols.xml_body import DECLARATION, escape, load, local

_FILENAME: Final = "${filename}"
_OWN: Final = frozenset(
    {"x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature", "x-amz-security-token"}
)
"""Fields that are about the form, not about its object."""
_CONTENT: Final = frozenset(
    {"cache-control", "content-disposition", "content-encoding", "content-type", "content-md5", "expires"}
)
_OF_BROWSER: Final = ("host", "origin", "referer", "user-agent")


class File:
    """Yields the file's bytes; what the policy says of its size is checked before the last of them is let out."""

    def __init__(self, receive: Receive, reader: FormReader, first: list[bytes], more: bool) -> None:
        """`first` are pieces that came with the fields; `more` says whether anything follows them."""
        self._receive, self._reader, self._first, self._more = receive, reader, first, more
        self.sizes: tuple[int, int] | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        least, most = self.sizes or (0, None)
        async for piece in self._pieces():
            size += len(piece)
            if most is not None and size > most:
                raise _of_size("EntityTooLarge", "exceeds the maximum allowed size", size, "MaxSizeAllowed", most)
            yield piece
        if size < least:
            raise _of_size("EntityTooSmall", "is smaller than the minimum allowed size", size, "MinSizeAllowed", least)

    async def _pieces(self) -> AsyncIterator[bytes]:
        for piece in self._first:
            yield piece
        while self._more:
            data, self._more = await _received(self._receive)
            for piece in self._reader.feed(data):
                yield piece
        if not self._reader.ended:
            raise malformed()


def _of_size(code: str, what: str, size: int, limit: str, bytes_: int) -> AwsError:
    return AwsError(code, f"Your proposed upload {what}", fields={"ProposedSize": size, limit: bytes_})


async def _received(receive: Receive) -> tuple[bytes, bool]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise AwsError("IncompleteBody", "The connection was closed before the body had arrived.")
    return message.get("body", b""), message.get("more_body", False)


def is_form(request: Request) -> bool:
    """Whether a request is a form that posts a file."""
    return request.method == "POST" and boundary_of(request.headers) is not None


async def read_form(raw: Raw, path: str) -> Form:
    """A form up to where its file begins. `path` is the request's in path style. Raises AwsError."""
    bucket, _, rest = unquote(path).removeprefix("/").partition("/")
    if not bucket or rest:
        raise AwsError(
            "MethodNotAllowed",
            "The specified method is not allowed against this resource.",
            status=405,
            fields={"Method": "POST"},
        )
    reader = FormReader(boundary_of(raw.request.headers) or "")
    first: list[bytes] = []
    more = True
    while more and not (reader.in_file or reader.ended):
        data, more = await _received(raw.receive)
        first += reader.feed(data)
    if not reader.in_file:
        if not reader.ended:
            raise malformed()
        raise AwsError("IncorrectNumberOfFilesInPostRequest", "POST requires exactly one file upload per request.")
    # Some browsers send the whole path of the file, on whatever system.
    filename = reader.filename.replace("\\", "/").rpartition("/")[2]
    fields = {name: value.replace(_FILENAME, filename) for name, value in reader.fields.items()}
    if not fields.get("key"):
        raise post_policy.absent_key()
    return Form(bucket, fields, File(raw.receive, reader, first, more))


def as_put(form: Form, raw: Raw) -> Request:
    """The request to put the file, as if a program had sent it."""
    headers = {name: raw.request.headers[name] for name in _OF_BROWSER if name in raw.request.headers}
    for name, value in form.fields.items():
        if name in _CONTENT or (name.startswith("x-amz-") and name not in _OWN):
            headers[name] = _on_the_wire(value)
        elif name == "acl":
            headers["x-amz-acl"] = _on_the_wire(value)
        elif name == "tagging":
            headers["x-amz-tagging"] = _tags(value)
    return Request("PUT", f"/{form.bucket}/{quote(form.key, safe='/~')}", "", headers, None)


def _on_the_wire(value: str) -> str:
    """A value as headers have it."""
    return value.encode().decode("latin-1")


def _tags(document: str) -> str:
    """A `Tagging` document as the header has it. Raises MalformedXML."""
    root = load(document.encode())
    pairs = [(_text(tag, "Key"), _text(tag, "Value")) for tag in root.iter() if local(tag.tag) == "Tag"]
    return urlencode(pairs, quote_via=quote)


def _text(element: Element, name: str) -> str:
    return next((child.text or "" for child in element if local(child.tag) == name), "")


def signer(form: Form, credentials: Credentials, settings: Settings, now: float) -> tuple[Principal, str]:
    """Who vouches for a form, and the region they signed for; the form's policy holds. Raises AwsError."""
    claim = post_policy.signed(form.fields)
    if claim is None:
        return Principal(settings.account, "", "", "anonymous"), settings.region
    if settings.auth == "off":
        principal = Principal(settings.account, f"arn:aws:iam::{settings.account}:root", settings.account, "root")
    else:
        try:
            secret, principal = credentials.lookup(claim.access_key_id, claim.token, now=now)
        except AwsError as error:
            raise _of_key(error, claim.access_key_id) from None
        claim.verify(secret)
        region = claim.region or settings.region
        credentials.last_used.note(principal, claim.access_key_id, service="s3", region=region)
    policy = post_policy.read(claim.policy)
    policy.check({**form.fields, "bucket": form.bucket}, now)
    form.file.sizes = policy.sizes
    return principal, claim.region or settings.region


def _of_key(error: AwsError, access_key_id: str) -> AwsError:
    if error.code != "InvalidClientTokenId":
        return error
    message = "The AWS Access Key Id you provided does not exist in our records."
    return AwsError("InvalidAccessKeyId", message, status=403, fields={"AWSAccessKeyId": access_key_id})


def answered(form: Form, raw: Raw, result: Params, response: Response) -> Response:
    """The answer that the form asks for; `response` is the one to the PutObject."""
    where = f"{raw.origin}{raw.request.path.rstrip('/')}/{quote(form.key, safe='/~')}"
    etag = str(result["ETag"])
    target = _target(form, etag)
    if target is not None:
        response.status, response.headers["Location"] = 303, target
        return response
    response.headers["Location"] = where
    response.status = int(status) if (status := form.fields.get("success_action_status")) in ("200", "201") else 204
    if response.status == 201:
        told = {"Location": where, "Bucket": form.bucket, "Key": form.key, "ETag": etag}
        text = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in told.items())
        response.headers["Content-Type"] = "application/xml"
        response.body = f"{DECLARATION}<PostResponse>{text}</PostResponse>".encode()
    return response


def _target(form: Form, etag: str) -> str | None:
    """Where the form wants its browser sent; None where it says nothing that is an address."""
    text = form.fields.get("success_action_redirect") or form.fields.get("redirect")
    if not text:
        return None
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.netloc or not text.isprintable() or " " in text:
        return None
    query = [
        *parse_qsl(parts.query, keep_blank_values=True),
        ("bucket", form.bucket),
        ("key", form.key),
        ("etag", etag),
    ]
    url = parts._replace(query=urlencode(query, quote_via=quote)).geturl()
    return quote(url, safe=":/?#[]@!$&'()*+,;=%~")
