"""What a machine on AWS is told about itself, in version 2 of the instance metadata service: first a token, then all.
Notebook instances may be told in version 1 too, without a token.

    /_sagewright/metadata/<grant>/latest/api/token                     PUT: a token for so many seconds
    /_sagewright/metadata/<grant>/latest/meta-data/iam/…               GET, with the token: the credentials of the role
    /_sagewright/metadata/<grant>/latest/meta-data/spot/…              the same: when its Spot instance is reclaimed
    /_sagewright/metadata/<grant>/latest/dynamic/instance-identity/…   the same: which account and region this is

The grant in the path says whose metadata it is: a task's own, from its environment or, where it has a network of its
own, from the keeper of that, which answers at 169.254.169.254. So no address of a caller is ever trusted.
"""

from __future__ import annotations

import hashlib
import platform
from datetime import UTC, datetime
from typing import Final

import orjson

from sagewright.base.errors import AwsError
from sagewright.operations.call import Services
from sagewright.resources import notebook_instance, tries
from sagewright.resources.record import Key
from sagewright.wire.http import Request, Response

PATH: Final = "metadata"
PREFIX: Final = f"/_sagewright/{PATH}/"
_TTL: Final = "x-aws-ec2-metadata-token-ttl-seconds"
_TOKEN: Final = "x-aws-ec2-metadata-token"  # noqa: S105  # a header's name
_LONGEST: Final = 21_600
_ROLES: Final = "meta-data/iam/security-credentials"
_ARCHITECTURES: Final = {"aarch64": "arm64", "arm64": "arm64"}


def answer(services: Services, request: Request, rest: str) -> Response:
    """`rest` is the path below ours."""
    grant, _, path = rest.partition("/")
    # AWS keeps those out who came by a proxy: it would ask on behalf of somebody else.
    if "x-forwarded-for" in request.headers:
        return _text("", 403)
    try:
        work = services.credentials.work(grant)
    except AwsError as error:
        return _text(error.message, 403)
    version, _, path = path.partition("/")
    if version != "latest":
        return _text("", 404)
    if path == "api/token":
        return _issue(services, request, grant)
    if request.method not in ("GET", "HEAD"):
        return _text("", 405)
    token = request.headers.get(_TOKEN)
    if not (token is None and _may_ask_without(services, work)) and not services.credentials.is_metadata_token(
        token or "", grant
    ):
        return _text("", 401)
    try:
        found = _credentials(services, grant, path) or _about(services, work, path)
    except AwsError as error:
        return _text(error.message, 404)
    return found or _text("", 404)


def _may_ask_without(services: Services, work: tuple[Key, str] | None) -> bool:
    """Whether version 1 is spoken too: notebook instances may be asked for it, and have it unless they say 2."""
    if work is None or work[0].kind != notebook_instance.KIND:
        return False
    record = services.store.get(work[0])
    wanted = {} if record is None else record.spec.get("InstanceMetadataServiceConfiguration", {})
    return str(wanted.get("MinimumInstanceMetadataServiceVersion", "1")) == "1"


def _issue(services: Services, request: Request, grant: str) -> Response:
    seconds = request.headers.get(_TTL, "")
    if request.method != "PUT":
        return _text("", 405)
    if not (seconds.isascii() and seconds.isdigit() and len(seconds) < 6 and 1 <= int(seconds) <= _LONGEST):
        return _text(f"{_TTL} must be a number of seconds from 1 to {_LONGEST}.", 400)
    told = _text(services.credentials.metadata_token(grant, int(seconds)))
    return Response(200, {**told.headers, _TTL: seconds}, told.body)


def _credentials(services: Services, grant: str, path: str) -> Response | None:
    """Of the role; raises AwsError where it is gone, or the work done."""
    if not path.startswith(_ROLES):
        return None
    issued = services.credentials.redeem(grant)
    role = issued.principal.arn.split("/")[1]
    asked = path.removeprefix(_ROLES).strip("/")
    if not asked:
        return _text(role)
    if asked != role:
        return None
    return _json(
        {
            "Code": "Success",
            "LastUpdated": _time(services.clock.now()),
            "Type": "AWS-HMAC",
            "AccessKeyId": issued.access_key_id,
            "SecretAccessKey": issued.secret_access_key,
            "Token": issued.session_token,
            "Expiration": _time(issued.expiration),
        }
    )


def _about(services: Services, work: tuple[Key, str] | None, path: str) -> Response | None:
    key, uid = work or (Key(services.settings.account, services.settings.region, "", "", ""), "")
    instance = f"i-{hashlib.sha256(uid.encode()).hexdigest()[:17]}"
    zone = f"{key.region}a"
    leaves = {
        "meta-data/instance-id": instance,
        "meta-data/placement/region": key.region,
        "meta-data/placement/availability-zone": zone,
        "meta-data/services/domain": "amazonaws.com",
        "meta-data/services/partition": "aws",
        **_reclaimed(services, key, uid),
    }
    if path in leaves:
        return _text(leaves[path])
    if path == "dynamic/instance-identity/document":
        return _json(
            {
                "version": "2017-09-30",
                "accountId": key.account,
                "region": key.region,
                "availabilityZone": zone,
                "instanceId": instance,
                "architecture": _ARCHITECTURES.get(platform.machine(), platform.machine()),
            }
        )
    return _listing([*leaves, f"{_ROLES}/", "dynamic/instance-identity/document"], path)


def _reclaimed(services: Services, key: Key, uid: str) -> dict[str, str]:
    """What a Spot instance is told that is to be reclaimed; nothing while it is not."""
    record = services.store.get(key) if key.name else None
    interruption = None if record is None or record.uid != uid else tries.interruption(record)
    if interruption is None:
        return {}
    end = _time(interruption.told + interruption.warning)
    action = orjson.dumps({"action": "terminate", "time": end}).decode()
    return {"meta-data/spot/instance-action": action, "meta-data/spot/termination-time": end}


def _listing(leaves: list[str], path: str) -> Response | None:
    """What is below a folder, as AWS lists it: folders end in a slash."""
    folder = f"{path.rstrip('/')}/".lstrip("/")
    below = [leaf.removeprefix(folder) for leaf in leaves if leaf.startswith(folder)]
    names = sorted({name + slash for name, slash, _ in (each.partition("/") for each in below) if name})
    return _text("\n".join(names)) if names else None


def _time(when: float) -> str:
    return datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _text(text: str, status: int = 200) -> Response:
    return Response(status, {"content-type": "text/plain", "cache-control": "no-store"}, text.encode())


def _json(value: dict[str, str]) -> Response:
    return Response(200, {"content-type": "application/json", "cache-control": "no-store"}, orjson.dumps(value))
