"""MLflow tracking servers and apps, and the applications of partners, which do not run yet."""

from sagewright.operations.sagemaker.family import Family

FAMILY = Family(
    nouns={
        "mlflow-app": "mlflow_app",
        "mlflow-tracking-server": "mlflow_tracking_server",
        "partner-app": "partner_app",
    },
    kept=("partner_app",),
    unbuilt={
        "CreatePartnerApp": "run applications of partners",
        "CreatePartnerAppPresignedUrl": "open applications of partners in a browser",
    },
)
