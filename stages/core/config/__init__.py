"""params.yaml: its sections as frozen, validated classes; neither NumPy nor torch."""
