"""Events on their way: rules that want them, what their targets get, when schedules fire."""
