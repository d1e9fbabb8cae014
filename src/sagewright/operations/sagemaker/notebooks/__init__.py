"""Notebook instances, their lifecycle scripts and their Git repositories. Instances do not run yet."""

from sagewright.operations.sagemaker.family import Family

FAMILY = Family(
    nouns={
        "code-repository": "code_repository",
        "notebook-instance": "notebook_instance",
        "notebook-instance-lifecycle-config": "notebook_instance_lifecycle_config",
    },
    kept=("code_repository", "notebook_instance", "notebook_instance_lifecycle_config"),
    unbuilt={
        "CreateNotebookInstance": "run notebook instances",
        "CreatePresignedNotebookInstanceUrl": "open notebook instances in a browser",
        "StartNotebookInstance": "run notebook instances",
    },
)
