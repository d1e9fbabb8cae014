"""Algorithms: a training image and what it takes, under a name. Nothing checks them, so they are complete at once."""

from __future__ import annotations

from typing import Final

from sagewright.base.errors import validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.noun import Noun, could_not_find, resource_in_use

NOUN: Final = Noun("Algorithm", "algorithm", could_not_find("algorithm"), resource_in_use("Algorithm"))
operations = NOUN.operations(delete=True)


@operations
def create_algorithm(call: Call, request: Params) -> Params:
    if "ValidationSpecification" in request:
        raise validation_error("Sagewright does not validate algorithms yet. Leave ValidationSpecification out.")
    if request.get("CertifyForMarketplace"):
        raise validation_error("There is no marketplace here. Leave CertifyForMarketplace out.")
    details: Params = {"AlgorithmStatusDetails": {"ValidationStatuses": []}}
    return NOUN.answer(call, NOUN.create(call, request, state="Completed", status=details))
