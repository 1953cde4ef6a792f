"""Diamonds: the prices of 53,940 cut stones in dollars, by weight, cut, colour, clarity and size. Wickham, ggplot2."""

from stages.core.config.builtin import BuiltinTable, Pypi

DATASET = BuiltinTable(
    digests={"diamonds.csv": "9574730b03aba241d899c4a97511c5061b19358fab89510774fb6c24168345c4"},
    sources=(Pypi("plotnine", "0.15.9", "plotnine/data"),),
    task="regression",
    target="price",
)
