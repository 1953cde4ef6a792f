"""Values in, values out: no paths, no YAML, no hidden randomness. Files: artifacts, checkpoint, revisions, sources."""
