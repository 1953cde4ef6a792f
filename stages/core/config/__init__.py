"""params.yaml: its sections as frozen, validated classes; pydantic alone."""
