"""Numbers and names in words."""

import math
from collections.abc import Sequence


def percent(value: float, digits: int = 2) -> str:
    return f"{100 * value:.{digits}f}%"


def span(ends: Sequence[float], digits: int = 2) -> str:
    """An interval of a share: a t-interval of few folds may reach where no share can be."""
    return f"{percent(max(ends[0], 0), digits)} to {percent(min(ends[1], 1), digits)}"


def amount(value: float, typical: float) -> str:
    """`value` to three digits of what is `typical`: of 531 as 1,234 or -20, of 0.0123 as 0.1234.

    Of what is very small or large as 1.23e+09.
    """
    if value == 0:
        return "0"
    size = math.floor(math.log10(typical)) if typical > 0 else 0
    if -4 <= size < 7:
        decimals = max(0, 2 - size)
        return f"{round(value, decimals) + 0.0:,.{decimals}f}"  # no "-0"
    digits = math.floor(math.log10(abs(value))) - size + 2
    return "0" if digits < 0 else f"{value:.{digits}e}"


def ticked(value: float, _: object = None) -> str:
    """A number on an axis: 20,000, 0.05, 1e+09."""
    return f"{value:,.10g}" if value == 0 or 1e-4 <= abs(value) < 1e7 else f"{value:g}"


def listed(names: Sequence[str], joint: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    *others, last = names
    return f"{', '.join(others)} {joint} {last}" if others else last


def count(number: int, one: str, many: str = "") -> str:
    """1 as "1 mistake", 2 as "2 mistakes"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def plain(name: str) -> str:
    """`gaussian_noise` as "gaussian noise"."""
    return name.replace("_", " ")
