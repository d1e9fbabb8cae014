"""The engine of several machines: Ray says which there are and who goes where, a keeper on each runs the tasks."""
