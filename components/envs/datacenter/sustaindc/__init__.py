"""The parts of the SustainDC environment, its defects included, so that results on it can be compared number by number."""
