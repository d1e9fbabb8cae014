"""Model monitoring: what to watch (job definitions), when (schedules), and what was found."""

from sagewright.operations.sagemaker.family import Family

_SCHEDULES = "run monitoring schedules"

FAMILY = Family(
    nouns={
        "data-quality-job-definition": "data_quality_job_definition",
        "model-bias-job-definition": "model_bias_job_definition",
        "model-explainability-job-definition": "model_explainability_job_definition",
        "model-quality-job-definition": "model_quality_job_definition",
        "monitoring-schedule": "monitoring_schedule",
    },
    others=("monitoring_alert", "monitoring_execution"),
    kept=(
        "data_quality_job_definition",
        "model_bias_job_definition",
        "model_explainability_job_definition",
        "model_quality_job_definition",
        "monitoring_alert",
        "monitoring_execution",
        "monitoring_schedule",
    ),
    unbuilt={
        "CreateMonitoringSchedule": _SCHEDULES,
        "StartMonitoringSchedule": _SCHEDULES,
    },
)
