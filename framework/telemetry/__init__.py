"""Metric streams and JSON that survive a killed process."""
