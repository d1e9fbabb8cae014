"""Metrics that training code sends and asks for (the service sagemaker-metrics)."""
