"""Alarms: how they judge, and what follows when one changes its state."""
