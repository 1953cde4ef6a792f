"""Values in, values out: no paths, no YAML, no printing, no hidden randomness. Only artifacts and sources touch files."""
