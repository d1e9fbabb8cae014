"""Images that the engine holds, and those that it fetches from a registry."""

from __future__ import annotations

import base64
import ipaddress
import json
from typing import Any, Final
from urllib.parse import quote

from sagewright.base.errors import Terminal, Transient
from sagewright.compute.base import Image, Login
from sagewright.compute.containers.api import Api, Refused

_PULL_S: Final = 3600.0


def held(api: Api, address: str) -> Image | None:
    """The image of this name or id, if the engine holds it. Raises Transient when it does not answer."""
    try:
        found = api.found(f"/images/{quote(address, safe='/:@')}/json")
    except Refused:
        return None  # no name of an image
    except OSError as problem:
        raise Transient(f"The container engine does not answer: {problem}.") from problem
    if found is None:
        return None
    entry = (found.get("Config") or {}).get("Entrypoint") or ()
    return Image(found["Id"], tuple([entry] if isinstance(entry, str) else entry))


def pull(api: Api, address: str, login: Login | None, *, podman: bool) -> Image:
    """The newest image of this address, fetched. Layers that the engine holds are not fetched again."""
    headers = {}
    if login is not None:
        told = json.dumps({"username": login.user, "password": login.password, "serveraddress": address.split("/")[0]})
        headers["X-Registry-Auth"] = base64.urlsafe_b64encode(told.encode()).decode()
    try:
        if podman:  # whose other way in asks for TLS also where Docker does not
            plain = "false" if _is_loopback(address) else "true"
            query = {"reference": address, "tlsVerify": plain, "policy": "newer", "quiet": "1"}
            answer = api.call("POST", "/libpod/images/pull", query, headers=headers, timeout=_PULL_S)
        else:
            answer = api.call(
                "POST", "/images/create", {"fromImage": address, **_tag(address)}, headers=headers, timeout=_PULL_S
            )
    except Refused as refused:
        raise Terminal(f"The image {address} cannot be fetched: {refused}.") from refused
    except OSError as problem:
        raise Transient(f"The container engine does not answer: {problem}.") from problem
    for each in answer if isinstance(answer, list) else [answer]:
        if isinstance(each, dict) and each.get("error"):
            raise Terminal(f"The image {address} cannot be fetched: {_reason(each)}.")
    found = held(api, address)
    if found is None:
        raise Terminal(f"The image {address} was fetched, but the container engine does not have it.")
    return found


def _tag(address: str) -> dict[str, str]:
    """Without a tag Docker fetches all that there are."""
    named = address.rpartition("/")[2]
    return {} if ":" in named or "@" in named else {"tag": "latest"}


def _reason(answer: dict[str, Any]) -> str:
    return str(answer["error"]).strip().rstrip(".")


def _is_loopback(address: str) -> bool:
    host = address.split("/")[0].rpartition(":")[0]
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
