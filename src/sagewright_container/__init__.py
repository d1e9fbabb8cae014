"""What runs inside the container: the toolkit of training and serving images."""
