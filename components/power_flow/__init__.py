"""Power-flow backends."""
