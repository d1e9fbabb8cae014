"""Pipelines, their versions and executions; projects, and the portfolio that their templates come from."""

from sagewright.operations.sagemaker.family import Family

FAMILY = Family(
    nouns={
        "pipeline": "pipeline",
        "pipeline-version": "pipeline_version",
        "pipeline/execution": "pipeline_execution",
        "project": "project",
    },
    others=("pipeline_execution_step", "servicecatalog_portfolio"),
    kept=(
        "pipeline",
        "pipeline_execution",
        "pipeline_execution_step",
        "pipeline_version",
        "project",
        "servicecatalog_portfolio",
    ),
    unbuilt={
        "CreateProject": "set projects up from Service Catalog or CloudFormation templates",
        "RetryPipelineExecution": "run pipelines",
        "StartPipelineExecution": "run pipelines",
    },
)
