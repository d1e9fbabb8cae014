"""The engine of several machines: Ray says which there are and who goes where, a warden on each runs the tasks."""
