"""Loops around training and prediction: cross-validation, range test, robustness; callable without a script."""
