"""Hook points: what a run tells whoever listens."""
