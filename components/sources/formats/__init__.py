"""File formats as data: one YAML descriptor a format, one reader, named checks."""
