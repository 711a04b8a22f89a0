"""Sinks that metrics are written to."""
