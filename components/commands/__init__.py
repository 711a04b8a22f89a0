"""Sub-commands of the command line, found by name when called."""
