"""How the command line talks to its own server: as any client does, with keys that the data folder holds."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from sagewright.base.settings import Settings
from sagewright.wire import sigv4
from sagewright.wire.http import Request

_SESSION: Final = "/_sagewright/session"
_TIMEOUT: Final = 5.0


@dataclass(frozen=True, slots=True)
class Connection:
    """A server that answers, and keys of a session of its default execution role."""

    url: str
    region: str
    access_key_id: str
    secret_access_key: str
    session_token: str


def health(settings: Settings) -> dict[str, Any] | None:
    """What the server says of itself; None when nothing answers on the port. Raises ClickException for a stranger."""
    try:
        with urllib.request.urlopen(f"{url(settings)}/_sagewright/health", timeout=_TIMEOUT) as answer:  # noqa: S310
            described: dict[str, Any] = json.load(answer)
    except urllib.error.HTTPError:
        raise _stranger(settings) from None
    except (urllib.error.URLError, OSError):
        return None
    except ValueError:
        raise _stranger(settings) from None
    return described


def connect(settings: Settings) -> Connection:
    """Become the default execution role. Raises ClickException with what to do."""
    described = health(settings)
    if described is None:
        raise click.ClickException(
            f"No server answers at {url(settings)}. Start one with `sagewright up`, or name its --port."
        )
    found = json.loads(_owner_session(settings, region=described["region"]))
    return Connection(
        url(settings), described["region"], found["AccessKeyId"], found["SecretAccessKey"], found["Token"]
    )


def url(settings: Settings) -> str:
    return f"http://{settings.host}:{settings.port}"


def _owner_session(settings: Settings, *, region: str) -> bytes:
    """Keys of a session, asked for with the root key of the data folder."""
    return as_root(settings, "GET", _SESSION, region=region)


def as_root(settings: Settings, method: str, path: str, query: str = "", *, region: str) -> bytes:
    """The answer to a request of our own, signed with the root key. Raises ClickException with what to do."""
    key_id, secret = _root_keys(settings.data)
    headers = {"host": f"{settings.host}:{settings.port}"}
    request = Request(method, path, query, headers, b"")
    signed = sigv4.sign(request, access_key_id=key_id, secret_key=secret, region=region, service="sts", now=time.time())
    address = f"{url(settings)}{path}{'?' if query else ''}{query}"
    http = urllib.request.Request(address, headers={**headers, **signed}, method=method)  # noqa: S310
    try:
        with urllib.request.urlopen(http, timeout=_TIMEOUT) as answer:  # noqa: S310
            content: bytes = answer.read()
    except urllib.error.HTTPError as error:
        if error.code != 403:
            raise click.ClickException(f"The server refused: {_words(error)}") from None
        raise click.ClickException(
            f"The server at {url(settings)} does not know the keys in {settings.data}: it works on another folder. "
            "Name the right one with --data."
        ) from None
    return content


def _root_keys(data: Path) -> tuple[str, str]:
    try:
        keys = json.loads((data / "keys" / "root.json").read_text())
    except OSError as error:
        raise click.ClickException(
            f"The keys of the server could not be read from {data}: {error.strerror}. Name its folder with --data."
        ) from None
    return keys["AccessKeyId"], keys["SecretAccessKey"]


def _stranger(settings: Settings) -> click.ClickException:
    return click.ClickException(
        f"Something that is not Sagewright answers at {url(settings)}. Choose another --port for the server."
    )


def _words(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read())["message"])
    except (ValueError, KeyError, TypeError):
        return error.reason
