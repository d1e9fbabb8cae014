from __future__ import annotations

import pytest

from sagewright.testing.asker import Asker


@pytest.fixture
def trials(asker: Asker) -> tuple[str, str]:
    """Two trials of one experiment."""
    asker.call("CreateExperiment", ExperimentName="Taste")
    for name in ("sweet", "sour"):
        asker.call("CreateTrial", TrialName=name, ExperimentName="taste")
    return "sweet", "sour"


@pytest.fixture
def component(asker: Asker, trials: tuple[str, str]) -> str:
    """A component of the first trial."""
    asker.call("CreateTrialComponent", TrialComponentName="lemon")
    asker.call("AssociateTrialComponent", TrialComponentName="lemon", TrialName=trials[0])
    return "lemon"
