"""Notebook instances, their lifecycle scripts and their Git repositories. `controllers/notebook_instance.py`
makes instances run, `edge/notebooks.py` leads to them."""

from sagewright.operations.sagemaker.family import Family

FAMILY = Family(
    nouns={
        "code-repository": "code_repository",
        "notebook-instance": "notebook_instance",
        "notebook-instance-lifecycle-config": "notebook_instance_lifecycle_config",
    },
)
