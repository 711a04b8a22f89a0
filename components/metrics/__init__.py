"""Key figures computed from recorded steps."""
