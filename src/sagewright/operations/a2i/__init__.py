"""Human review of predictions (the service sagemaker-a2i-runtime)."""
