"""ECR: repositories of container images. The registry that `docker` speaks to is `edge/registry.py`."""
