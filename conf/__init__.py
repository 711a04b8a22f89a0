"""Configuration groups (package data)."""
