"""What a client may take: time, and bytes that we hold for it."""

from __future__ import annotations

from typing import Final

IDLE_S: Final = 75.0
"""Seconds that a connection may be silent between two requests."""
HEAD_S: Final = 30.0
"""Seconds from a request's first byte to the end of its head."""
BODY_S: Final = 30.0
"""Seconds of patience with a body; what comes buys more, at `BODY_RATE` bytes a second, up to as much again."""
BODY_RATE: Final = 1024
DROP_S: Final = 5.0
"""Seconds for the rest of a body that was refused, bought in the same way."""
READER_S: Final = 60.0
"""Seconds in which a client must have read something of its answer."""
LARGEST_HEAD: Final = 64 * 1024
MOST_FIELDS: Final = 200
LEFT_UNREAD: Final = 64 * 1024 * 1024
"""Bytes of a refused body that are read and dropped: a client that still writes does not see the refusal."""
HELD: Final = 256 * 1024
"""Bytes of a body that wait for who reads it before the client has to wait."""
JOINED: Final = 64 * 1024
"""Bytes up to which copying a body behind its head is cheaper than a second system call."""
