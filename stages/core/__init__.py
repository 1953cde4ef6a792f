"""Values in, values out: no paths, no YAML, no hidden randomness. Files: artifacts, sources and checkpoint."""
