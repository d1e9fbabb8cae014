"""Search: which hyperparameters to try next, which jobs to end early, and when enough was tried.

Pure: no store, no clock, no server. `controllers/hyper_parameter_tuning_job.py` feeds it with what the records say.
"""
