"""Hooks that observe a run."""
