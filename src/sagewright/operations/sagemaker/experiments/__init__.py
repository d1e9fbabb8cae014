"""Experiments, their trials, the components of these, and the metrics that are sent to them."""

from sagewright.operations.sagemaker.family import Family

FAMILY = Family(
    nouns={
        "experiment": "experiment",
        "experiment-trial": "trial",
        "experiment-trial-component": "trial_component",
    },
    others=("trial_component_link",),
)
