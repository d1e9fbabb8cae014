"""SageMaker's built-in algorithms: one file each, listed in `catalog.py`."""
