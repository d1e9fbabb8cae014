"""Training jobs and what belongs to them: algorithms, plans for capacity, sessions, jobs by category."""

from sagewright.operations.sagemaker.family import Family

_CAPACITY = "sell training plans: capacity here is your own machines'"

FAMILY = Family(
    nouns={
        "algorithm": "algorithm",
        "job": "job",
        "training-job": "training_job",
        "training-plan": "training_plan",
        "training-session": "training_session",
    },
    others=("reserved_capacity",),
    kept=(
        "algorithm",
        "job",
        "reserved_capacity",
        "training_plan",
        "training_session",
    ),
    unbuilt={
        "CreateJob": "run jobs by category (agent fine-tuning, synthetic data, evaluation)",
        "CreateTrainingPlan": _CAPACITY,
        "CreateTrainingSession": "keep training sessions",
        "DescribeJobSchemaVersion": "run jobs by category, so it has no schemas of theirs",
        "ExtendTrainingPlan": _CAPACITY,
        "ListJobSchemaVersions": "run jobs by category, so it has no schemas of theirs",
        "SearchTrainingPlanOfferings": _CAPACITY,
    },
)
