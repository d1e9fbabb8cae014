"""Tests of one room each, mirroring src."""
