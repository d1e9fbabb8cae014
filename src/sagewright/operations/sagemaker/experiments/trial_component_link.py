"""AssociateTrialComponent and its opposite."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from sagewright.base.errors import AlreadyExists, AwsError
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.experiments import links, trial, trial_component
from sagewright.operations.sagemaker.noun import together
from sagewright.operations.table import Operations
from sagewright.resources.record import Record
from sagewright.store.base import Write

operations = Operations()


@operations
def associate_trial_component(call: Call, request: Params) -> Params:
    """Doing it twice changes nothing."""

    def joined() -> Sequence[Write]:
        # Both ends are written along, so that neither can be deleted meanwhile without seeing the link.
        owner, component = _ends(call, request)
        return (("create", links.new(call, owner, component)), ("update", owner), ("update", component))

    with suppress(AlreadyExists):
        together(call.store, joined)
    return _arns(*_ends(call, request))


@operations
def disassociate_trial_component(call: Call, request: Params) -> Params:
    def parted() -> Sequence[Write]:
        owner, component = _ends(call, request)
        link = call.store.get(call.key(links.KIND, component.name, owner.name))
        if link is None:
            raise AwsError("ResourceNotFound", f"Trial {owner.name} has no trial component {component.name}.")
        return (("delete", link),)

    together(call.store, parted)
    return _arns(*_ends(call, request))


def _ends(call: Call, request: Params) -> tuple[Record, Record]:
    return trial.NOUN.named(call, request), trial_component.NOUN.named(call, request)


def _arns(owner: Record, component: Record) -> Params:
    return {"TrialArn": owner.status["TrialArn"], "TrialComponentArn": component.status["TrialComponentArn"]}
