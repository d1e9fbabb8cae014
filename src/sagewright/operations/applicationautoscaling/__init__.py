"""Application Auto Scaling: what is to be scaled and by which rules, as records. Nothing scales by them yet."""
