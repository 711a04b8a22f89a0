"""File formats that a trained policy can leave in: one file a format, found by name."""
