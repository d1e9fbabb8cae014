"""Application Auto Scaling: what is to be scaled and by which rules. `controllers/scalable_target.py` scales."""
