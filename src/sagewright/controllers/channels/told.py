"""What goes wrong with a channel, as the user reads it: in AWS's words, with the channel and the address."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sagewright.base.errors import SagewrightError, Terminal, Transient
from sagewright.controllers.channels.channel import Channel

_NO_FILE_SYSTEM_HOLDS_THAT: Final = (errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG)


def failed(channel: Channel, why: str) -> Terminal:
    """The end of a job whose channel cannot be shown."""
    return Terminal(f"ClientError: Data download failed for {channel.uri} (channel {channel.name!r}): {why}")


def nothing_found(channel: Channel, region: str) -> Terminal:
    """AWS's own words for a prefix without objects."""
    return Terminal(
        f"ClientError: Data download failed: No S3 objects found under S3 URL {channel.uri!r} given in input data "
        f"source of channel {channel.name!r}. Please ensure that the bucket exists in the selected region "
        f"({region}), and that objects exist under that S3 prefix."
    )


@contextmanager
def told(channel: Channel) -> Iterator[None]:
    """Says of any error of the objects which channel it met."""
    try:
        yield
    except (Transient, Terminal):
        raise
    except SagewrightError as error:
        raise failed(channel, str(error)) from error
    except OSError as error:
        if error.errno not in _NO_FILE_SYSTEM_HOLDS_THAT:
            raise
        raise failed(channel, f"its keys cannot all be files of one folder: {error}") from error
