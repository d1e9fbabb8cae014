"""SageMaker Runtime."""
