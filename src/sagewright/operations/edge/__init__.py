"""What agents on devices ask and report (the service sagemaker-edge)."""
