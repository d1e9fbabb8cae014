"""Requests to multi-model endpoints: to an instance that has the model, else to the one that has fewest."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from sagewright.dataplane.inference import observed
from sagewright.dataplane.inference.ask import Ask, Reply
from sagewright.dataplane.inference.models import LoadRefused, NoSuchModel
from sagewright.dataplane.inference.routes import Instance, Variant

BUSY: Final = 8
"""Requests that a model is at, or that wait for it, until another instance loads it too."""


async def instances(variant: Variant, ask: Ask) -> Sequence[Instance]:
    """The variant's instances in the order in which they should be asked."""
    if variant.mode != "multi-model" or len(variant.instances) < 2 or ask.model is None:
        return variant.in_turn()
    models = {each.task: each.models for each in variant.instances if each.models is not None}
    # One that cannot be reached is found out when its turn comes.
    await asyncio.gather(*(each.learn() for each in models.values()), return_exceptions=True)
    wanted = {task: each.wanted(ask.model) for task, each in models.items()}
    having = [each for each in variant.in_turn() if wanted.get(each.task) is not None]
    others = [each for each in variant.in_turn() if wanted.get(each.task) is None]
    having.sort(key=lambda each: wanted[each.task] or 0)
    others.sort(key=lambda each: models[each.task].count)
    if having and others and (wanted[having[0].task] or 0) >= BUSY:
        models[others[0].task].bring(ask.model)
    return [*having, *others]


async def answer(variant: Variant, instance: Instance, ask: Ask) -> Reply:
    """What the instance answers, its model loaded before. Raises what `observed.answer` and `Models.take` do."""
    if instance.models is None or ask.model is None:
        return await observed.answer(variant, instance, ask)
    try:
        held = await instance.models.take(ask.model)
        try:
            return await observed.answer(variant, instance, ask)
        finally:
            instance.models.give_back(held)
    except LoadRefused as error:
        return error.reply


def check(variant: Variant, ask: Ask, endpoint: str) -> None:
    """Whether the request names a model where it must. Raises NoSuchModel."""
    if variant.mode != "multi-model":
        if ask.model is not None:
            raise NoSuchModel(
                f"Endpoint {endpoint} is not a multi-model endpoint and does not support target model header."
            )
        return
    if ask.model is None:
        raise NoSuchModel(
            f"Endpoint {endpoint} is a multi-model endpoint and the request is missing a target model header: name the "
            "model in TargetModel."
        )
