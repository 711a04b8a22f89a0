"""Algorithms that learn nothing: the reference line of every plot."""
