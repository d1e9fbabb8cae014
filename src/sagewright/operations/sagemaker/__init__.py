"""Amazon SageMaker: one folder per family, one file per noun."""
