"""Callers as records hold them."""

from __future__ import annotations

import orjson

from sagewright.operations.access.caller import read, written
from sagewright.operations.call import Principal, Session


def test_a_caller_is_read_as_it_was_written() -> None:
    issuer = Principal("1", "arn:aws:iam::1:user/u", "U", "user")
    session = Session(5.0, policies=("{}",), tags={"a": "b"}, issuer=issuer)
    caller = Principal("1", "arn:aws:sts::1:federated-user/f", "1:f", "federated", session)
    found = read(orjson.loads(orjson.dumps(written(caller))))
    assert written(found) == orjson.loads(orjson.dumps(written(caller)))
    assert found.session is not None
    assert found.session.issuer == issuer
    assert read(written(issuer)) == issuer
