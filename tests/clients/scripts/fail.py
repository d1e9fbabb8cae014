"""Fails as a user's script does."""

print("about to fail")
raise ValueError("the learning rate went through the roof")
