"""Lifecycles are tables without loose ends."""

from __future__ import annotations

import pytest
from botocore.model import StringShape

from sagewright.base.errors import InvalidTransition
from sagewright.resources import (
    endpoint,
    inference_component,
    inference_experiment,
    mlflow_app,
    mlflow_tracking_server,
    training_job,
)
from sagewright.resources.lifecycle import Lifecycle
from sagewright.wire import model

LIVES = [
    (training_job.LIFE, "TrainingJobStatus"),
    (endpoint.LIFE, "EndpointStatus"),
    (inference_experiment.LIFE, "InferenceExperimentStatus"),
    (inference_component.LIFE, "InferenceComponentStatus"),
    (mlflow_tracking_server.LIFE, "TrackingServerStatus"),
    (mlflow_app.LIFE, "MlflowAppStatus"),
]


@pytest.mark.parametrize(("life", "shape"), LIVES)
def test_states_are_spelled_as_the_model_spells_them(life: Lifecycle, shape: str) -> None:
    modelled = model.service("sagemaker").shape_for(shape)
    assert isinstance(modelled, StringShape)
    used = {state for state, _ in life.transitions} | set(life.transitions.values()) | set(life.settled)
    assert used <= set(modelled.enum)


@pytest.mark.parametrize(("life", "shape"), LIVES)
def test_every_state_that_can_be_reached_can_be_left_or_is_settled(life: Lifecycle, shape: str) -> None:
    reached = set(life.transitions.values())
    left = {state for state, _ in life.transitions}
    assert reached - left <= set(life.settled)


def test_a_step_that_is_not_listed_tells_the_story() -> None:
    with pytest.raises(InvalidTransition, match=r"no way from 'Completed' by 'stop'\. It ran"):
        training_job.LIFE.after("Completed", "stop", story="It ran.")
