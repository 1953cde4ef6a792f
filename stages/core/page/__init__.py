"""The report: one HTML page and the model's card, of templates, a style sheet and computed sentences."""
