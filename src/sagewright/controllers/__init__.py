"""Make it so: one reconcile per noun with a life. Operations write what is wanted; these look and act."""
