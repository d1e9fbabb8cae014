"""`sagewright bucket`: buckets whose objects are kept at another S3 endpoint."""

from __future__ import annotations

import configparser
import os
import re
import time
from pathlib import Path
from typing import IO, Final
from urllib.parse import urlsplit

import botocore.exceptions
import click

from sagewright.base.clock import SystemClock
from sagewright.base.errors import Transient
from sagewright.base.settings import DEFAULT_REGION, Settings
from sagewright.cli import client
from sagewright.cli.options import server_options
from sagewright.cli.status import make_client
from sagewright.dataplane.objects.attached import error_code
from sagewright.dataplane.objects.remote import Remote
from sagewright.dataplane.objects.upstreams import FRESH, Upstream, Upstreams

_KEYS: Final = {
    "access_key_id": "UPSTREAM_ACCESS_KEY_ID",
    "secret_access_key": "UPSTREAM_SECRET_ACCESS_KEY",
    "session_token": "UPSTREAM_SESSION_TOKEN",
}
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


@click.group("bucket")
def command() -> None:
    """Pass buckets through to another S3 endpoint.

    Objects of such a bucket are read, written and listed there, by whoever our policies let; jobs take their data from
    it and leave their artifacts in it. docs/guide/pass-through.md says what works.
    """


@command.command("attach")
@server_options
@click.argument("name")
@click.option("--endpoint", required=True, metavar="URL", help="Where the objects are: https://host[:port].")
@click.option("--bucket", "there", metavar="NAME", help="The bucket's name there.  [default: the same]")
@click.option("--region", default=DEFAULT_REGION, show_default=True, help="The region to sign for.")
@click.option("--credentials", type=click.File(), metavar="FILE",
              help="A file with keys, as AWS's credentials file has them; - for standard input.")  # fmt: skip
@click.option("--profile", default="default", show_default=True, help="Which keys of that file.")
def attach(
    settings: Settings,
    name: str,
    endpoint: str,
    there: str | None,
    region: str,
    credentials: IO[str] | None,
    profile: str,
) -> None:
    """Pass bucket NAME through to an endpoint; again, to change where or with which keys.

    The keys come from UPSTREAM_ACCESS_KEY_ID and UPSTREAM_SECRET_ACCESS_KEY, or from a file; they are kept in the data
    folder, where only you can read them. NAME is made if it is not there, and must be empty here.
    """
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/") or parts.query:
        raise click.ClickException(f"{endpoint} is not an endpoint: write https://host or https://host:port.")
    if not _NAME.fullmatch(name):
        raise click.ClickException(f"{name} is not a name that a bucket can have.")
    keys = _of_file(credentials, profile) if credentials is not None else _of_environment()
    upstream = Upstream(
        endpoint=f"{parts.scheme}://{parts.netloc}",
        bucket=there or name,
        region=region,
        access_key_id=keys["access_key_id"],
        secret_access_key=keys["secret_access_key"],
        session_token=keys.get("session_token") or None,
    )
    _check_there(upstream)
    attached = Upstreams(_folder(settings))
    if attached.of(name) is None:
        _make_here(settings, name)
    attached.attach(name, upstream)
    time.sleep(FRESH)  # whoever goes on when this has ended finds it done
    click.echo(f"s3://{name} is {upstream.bucket} at {upstream.endpoint} from now on.")


@command.command("detach")
@server_options
@click.argument("name")
def detach(settings: Settings, name: str) -> None:
    """Keep bucket NAME's objects here again, where it is empty. What is at the endpoint stays there."""
    if not Upstreams(_folder(settings)).detach(name):
        raise click.ClickException(f"{name} is not passed through. `sagewright bucket list` says which are.")
    time.sleep(FRESH)
    click.echo(f"s3://{name} is kept here again.")


@command.command("list")
@server_options
def listed(settings: Settings) -> None:
    """List the buckets that are passed through, and where to."""
    for name, upstream in Upstreams(_folder(settings)).all().items():
        click.echo(f"{name:<40} {upstream.endpoint}/{upstream.bucket} ({upstream.region}, {upstream.access_key_id})")


def _folder(settings: Settings) -> Path:
    return settings.data / "keys" / "upstreams"


def _of_environment() -> dict[str, str]:
    keys = {name: os.environ.get(variable, "") for name, variable in _KEYS.items()}
    if not keys["access_key_id"] or not keys["secret_access_key"]:
        raise click.ClickException(
            f"Set {_KEYS['access_key_id']} and {_KEYS['secret_access_key']} to keys of the endpoint, or name a file "
            "with --credentials."
        )
    return keys


def _of_file(file: IO[str], profile: str) -> dict[str, str]:
    found = configparser.ConfigParser(interpolation=None)
    try:
        found.read_string(file.read())
        section = found[profile]
        return {name: section.get(f"aws_{name}", "") if name == "session_token" else section[f"aws_{name}"]
                for name in _KEYS}  # fmt: skip
    except (configparser.Error, KeyError) as error:
        raise click.ClickException(
            f"{file.name} has no keys for [{profile}]: it needs aws_access_key_id and aws_secret_access_key. ({error})"
        ) from None


def _check_there(upstream: Upstream) -> None:
    """Raises ClickException unless the bucket can be listed there with these keys."""
    remote = Remote(SystemClock())
    try:
        query = [("list-type", "2"), ("max-keys", "1")]
        with remote.send(upstream, "GET", query=query) as reply:
            if reply.status == 200:
                return
            code = error_code(reply.read()) or str(reply.status)
    except Transient as error:
        raise click.ClickException(f"{error} Nothing was changed.") from None
    finally:
        remote.close()
    raise click.ClickException(
        f"{upstream.endpoint} refused to list {upstream.bucket}: {code}. Look at the keys, the bucket's name there "
        "(--bucket) and its --region. Nothing was changed."
    )


def _make_here(settings: Settings, name: str) -> None:
    """Raises ClickException unless the bucket is there, and empty."""
    s3 = make_client(client.connect(settings), "s3")
    try:
        s3.create_bucket(Bucket=name)
        if s3.list_objects_v2(Bucket=name, MaxKeys=1)["KeyCount"]:
            raise click.ClickException(f"s3://{name} holds objects here, out of reach then: choose another name.")
    except botocore.exceptions.ClientError as error:
        raise click.ClickException(f"s3://{name} could not be made: {error.response['Error']['Message']}") from None
