"""Operations of services that the neighbours answer for: handed over as they are, once the edge has let them in."""

from __future__ import annotations

from typing import Any

from sagewright.operations.call import Call, Params


async def ask(call: Call, request: Params) -> Params:
    """Any operation of a service in `neighbours/table.py`."""
    result = await call.services.neighbours.answer(
        call.service, call.operation, request, account=call.account, region=call.region
    )
    return _reachable(result, call.host) if call.service == "sqs" else result


def _reachable(result: Params, host: str) -> dict[str, Any]:
    """With queues' addresses at this server, since some clients send where a queue's address points."""
    if "QueueUrl" in result:
        return {**result, "QueueUrl": _here(result["QueueUrl"], host)}
    lists: dict[str, Any] = {
        name: [_here(url, host) for url in result[name]] for name in ("QueueUrls", "queueUrls") if name in result
    }
    return {**result, **lists}


def _here(url: str, host: str) -> str:
    return f"{host}/{url.partition('://')[2].partition('/')[2]}"
