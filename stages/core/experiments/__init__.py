"""Loops around training and prediction: cross-validation, range test, robustness, importance of columns, baselines.

They are callable without a script.
"""
