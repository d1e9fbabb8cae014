"""Event streams that botocore reads."""

from __future__ import annotations

from typing import Any

from botocore.eventstream import EventStreamBuffer

from sagewright.wire import eventstream


def test_botocore_reads_our_events() -> None:
    buffer = EventStreamBuffer()
    buffer.add_data(eventstream.event("PayloadPart", b"part one"))
    buffer.add_data(eventstream.exception("ModelStreamError", b'{"Message": "boom"}'))
    part, error = list[Any](buffer)
    assert part.payload == b"part one"
    assert part.headers[":event-type"] == "PayloadPart"
    assert part.to_response_dict()["status_code"] == 200
    assert (error.headers[":exception-type"], error.to_response_dict()["status_code"]) == ("ModelStreamError", 400)
