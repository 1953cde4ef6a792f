"""Other commits and experiments: their files, and what sets two of them apart."""
