"""Figures drawn from tables; knows no network."""
