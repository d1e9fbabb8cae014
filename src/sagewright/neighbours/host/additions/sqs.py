"""Policies of queues in the words in which AWS gives them back: Terraform takes other spaces for a change."""

from __future__ import annotations

import json
from typing import Any

from sagewright.neighbours.host import moto_call
from sagewright.neighbours.host.additions import Place

Params = dict[str, Any]


def get_queue_attributes(place: Place, params: Params) -> Params:
    """As moto has them, with documents written without spaces."""
    answer = moto_call.call("sqs", "GetQueueAttributes", params, place.account, place.region)
    attributes = answer.get("Attributes", {})
    for name in ("Policy", "RedrivePolicy", "RedriveAllowPolicy"):
        if attributes.get(name):
            attributes[name] = json.dumps(json.loads(attributes[name]), separators=(",", ":"))
    return answer
