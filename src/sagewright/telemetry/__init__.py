"""Logs and metrics, written for users: what CloudWatch would hold."""
