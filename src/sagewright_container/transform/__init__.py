"""Batch transform: records of objects go through a model's server, what it answers becomes one output per object."""
