"""MLflow tracking servers and apps, and the applications of partners. None of them runs yet."""

from sagewright.operations.sagemaker.family import Family

FAMILY = Family(
    nouns={
        "mlflow-app": "mlflow_app",
        "mlflow-tracking-server": "mlflow_tracking_server",
        "partner-app": "partner_app",
    },
    kept=("mlflow_app", "mlflow_tracking_server", "partner_app"),
    unbuilt={
        "CreateMlflowApp": "run MLflow apps",
        "CreateMlflowTrackingServer": "run MLflow tracking servers",
        "CreatePartnerApp": "run applications of partners",
        "CreatePartnerAppPresignedUrl": "open applications of partners in a browser",
        "CreatePresignedMlflowAppUrl": "open MLflow apps in a browser",
        "CreatePresignedMlflowTrackingServerUrl": "open MLflow tracking servers in a browser",
        "StartMlflowTrackingServer": "run MLflow tracking servers",
    },
)
