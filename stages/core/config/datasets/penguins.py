"""Penguins: 344 birds of three species by bill, flippers, weight, sex and island. Horst, Hill and Gorman (2020)."""

from stages.core.config.builtin import BuiltinTable, Pypi

DATASET = BuiltinTable(
    digests={"penguins.csv": "f204db2c753b0937caac3cb35258562c14f073e4bbc76be24b4c51ce22767a93"},
    sources=(Pypi("palmerpenguins", "0.1.6", "palmerpenguins/data"),),
    task="classification",
    target="species",
)
