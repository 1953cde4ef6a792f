"""Numbers and names in words."""

from collections.abc import Sequence


def percent(value: float, digits: int = 2) -> str:
    return f"{100 * value:.{digits}f}%"


def span(ends: Sequence[float], digits: int = 2) -> str:
    """An interval of a share: a t-interval of few folds may reach where no share can be."""
    return f"{percent(max(ends[0], 0), digits)} to {percent(min(ends[1], 1), digits)}"


def count(number: int, one: str, many: str = "") -> str:
    """1 as "1 mistake", 2 as "2 mistakes"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def plain(name: str) -> str:
    """`gaussian_noise` as "gaussian noise"."""
    return name.replace("_", " ")
