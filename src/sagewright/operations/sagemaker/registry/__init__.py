"""The model registry: packages of models, the groups that number them, and cards that describe models."""

from sagewright.operations.sagemaker.family import Family

FAMILY = Family(
    nouns={
        "model-card": "model_card",
        "model-card-version": "model_card_version",
        "model-card/export-job": "model_card_export_job",
        "model-package": "model_package",
        "model-package-group": "model_package_group",
    },
    others=("model_package_group_policy",),
    kept=("model_card", "model_card_export_job", "model_card_version"),
    unbuilt={"CreateModelCardExportJob": "export model cards as PDF documents"},
)
