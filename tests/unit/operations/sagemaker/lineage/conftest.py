from __future__ import annotations

from collections.abc import Callable

import pytest

from sagewright.testing.asker import Asker

Make = Callable[[str, str], str]


@pytest.fixture
def artifact(asker: Asker) -> Make:
    """Makes an artifact of a name and a type; answers its ARN."""

    def make(name: str, kind: str) -> str:
        made = asker.call(
            "CreateArtifact", ArtifactName=name, Source={"SourceUri": f"s3://lineage/{name}"}, ArtifactType=kind
        )
        return str(made["ArtifactArn"])

    return make


@pytest.fixture
def action(asker: Asker) -> Make:
    """Makes an action of a name and a type; answers its ARN."""

    def make(name: str, kind: str) -> str:
        source = {"SourceUri": f"job/{name}"}
        return str(asker.call("CreateAction", ActionName=name, Source=source, ActionType=kind)["ActionArn"])

    return make


@pytest.fixture
def chain(asker: Asker, artifact: Make, action: Make) -> dict[str, str]:
    """raw → clean → train → model, with a sibling of clean; ARNs by name."""
    arns = {
        "raw": artifact("raw", "DataSet"),
        "clean": artifact("clean", "DataSet"),
        "sibling": artifact("sibling", "DataSet"),
        "train": action("train", "Training"),
        "model": artifact("model", "Model"),
    }
    for source, destination, kind in (
        ("raw", "clean", "DerivedFrom"),
        ("raw", "sibling", "DerivedFrom"),
        ("clean", "train", "ContributedTo"),
        ("train", "model", "Produced"),
    ):
        asker.call("AddAssociation", SourceArn=arns[source], DestinationArn=arns[destination], AssociationType=kind)
    return arns
