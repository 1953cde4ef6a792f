"""Values in, values out: no paths, no YAML, no printing, no hidden random state. Only artifacts and sources touch files."""
