"""What runs inside an MLflow tracking server's task."""
