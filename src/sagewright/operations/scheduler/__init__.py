"""EventBridge Scheduler: schedules with a target each. `controllers/schedule.py` fires them."""
