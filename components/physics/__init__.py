"""Physics that several kinds of component need: moist air."""
