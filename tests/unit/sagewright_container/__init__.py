"""Tests of the container toolkit."""
