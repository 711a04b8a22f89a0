"""How a choice that is not allowed is ruled out."""

ILLEGAL = -1e10
"""Added to the logit of a masked choice: its probability is exactly 0 and everything stays finite."""
