"""Amazon SageMaker on your own machines."""
