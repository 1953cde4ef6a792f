"""The report: one HTML page, its sentences and its look."""
