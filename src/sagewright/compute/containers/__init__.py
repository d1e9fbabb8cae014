"""What the container engine (`compute/container.py`) is made of."""
