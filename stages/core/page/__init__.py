"""The report: one HTML page, of templates, a style sheet and computed sentences."""
