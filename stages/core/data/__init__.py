"""From raw files to examples: sources, formats, splits and facts."""
