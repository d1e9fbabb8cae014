"""The targets of rules. They live in the rule's record, so that a rule and its targets change together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sagewright.base.errors import AwsError, validation_error
from sagewright.dataplane.events import inputs
from sagewright.dataplane.events.targets import refusal
from sagewright.operations.call import Call, Params
from sagewright.operations.events.common import existing_bus, missing_rule, page, rule_key, rule_of
from sagewright.operations.table import Operations
from sagewright.resources.arn import Arn
from sagewright.resources.event import RULE
from sagewright.resources.record import Record
from sagewright.store.base import Query

operations = Operations()
_MOST_TARGETS = 5
_PAGE = 100


@operations
def put_targets(call: Call, request: Params) -> Params:
    given = {target["Id"]: target for target in request["Targets"]}
    for target in request["Targets"]:
        _check(call, target)
    key = rule_key(call, request, "Rule")

    def put(record: Record) -> Record:
        targets = {target["Id"]: target for target in record.spec.get("Targets", ())} | given
        if len(targets) > _MOST_TARGETS:
            raise AwsError("LimitExceededException", f"A rule has at most {_MOST_TARGETS} targets.")
        return replace(record, spec={**record.spec, "Targets": list(targets.values())})

    if call.store.amend(key, put) is None:
        raise missing_rule(key)
    return {"FailedEntryCount": 0, "FailedEntries": []}


def _check(call: Call, target: Mapping[str, Any]) -> None:
    reason = refusal(target, call.account)
    if reason is not None:
        raise validation_error(reason)
    try:
        inputs.check(target)
    except inputs.InvalidInput as error:
        raise validation_error(str(error)) from None
    queue = target.get("DeadLetterConfig", {}).get("Arn")
    if queue is not None:
        try:
            is_queue = Arn.parse(queue).service == "sqs" and not queue.endswith(".fifo")
        except ValueError:
            is_queue = False
        if not is_queue:
            raise validation_error(f"The dead-letter queue {queue} is not the ARN of a standard SQS queue.")


@operations
def remove_targets(call: Call, request: Params) -> Params:
    gone = set(request["Ids"])
    key = rule_key(call, request, "Rule")

    def remove(record: Record) -> Record:
        kept = [target for target in record.spec.get("Targets", ()) if target["Id"] not in gone]
        return replace(record, spec={**record.spec, "Targets": kept})

    if call.store.amend(key, remove) is None:
        raise missing_rule(key)
    return {"FailedEntryCount": 0, "FailedEntries": []}


@operations
def list_targets_by_rule(call: Call, request: Params) -> Params:
    targets = rule_of(call, request, "Rule").spec.get("Targets", [])
    token = request.get("NextToken", "0")
    if not token.isascii() or not token.isdigit():
        raise validation_error("Parameter NextToken is not valid. Use the one that the page before gave.")
    start, limit = int(token[:9]), request.get("Limit", _PAGE)
    answer: Params = {"Targets": targets[start : start + limit]}
    if start + limit < len(targets):
        answer["NextToken"] = str(start + limit)
    return answer


@operations
def list_rule_names_by_target(call: Call, request: Params) -> Params:
    bus = existing_bus(call, request.get("EventBusName"))
    wanted = request["TargetArn"]
    found = page(call, Query(call.account, call.region, RULE, parent=bus), request)
    names = [
        record.name
        for record in found.records
        if any(target["Arn"] == wanted for target in record.spec.get("Targets", ()))
    ]
    return {"RuleNames": names, **({"NextToken": found.next} if found.next else {})}
