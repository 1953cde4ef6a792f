"""Logarithm and exponential by additions, multiplications and divisions alone, which every processor rounds alike.

Those of NumPy and torch are the C library's and MKL's, whose last bits are each make's own.
"""

import math

import numpy as np
import torch

# The logarithm of 2 in two parts; the first has so few bits that its multiples by an exponent are exact.
LN2_HIGH, LN2_LOW = 0.6931471803691238, 1.9082149292705877e-10
_ODD = [1 / (2 * k + 1) for k in range(12)]  # of the series of atanh; enough of it, as of exp's, for float64
_FACTORIALS = [1 / math.factorial(k) for k in range(14)]


def log(x: np.ndarray) -> np.ndarray:
    """The natural logarithm of float64 `x` above 0, to within 2 units of the last place."""
    mantissa, exponent = np.frexp(x)
    small = mantissa < math.sqrt(0.5)
    mantissa, exponent = np.where(small, 2 * mantissa, mantissa), exponent - small
    s = (mantissa - 1) / (mantissa + 1)  # log(mantissa) = 2 atanh(s)
    series = np.zeros_like(s)
    for factor in reversed(_ODD):
        series = series * (s * s) + factor
    result: np.ndarray = exponent * LN2_HIGH + (exponent * LN2_LOW + 2 * s * series)
    return result


def exp(x: torch.Tensor) -> torch.Tensor:
    """e to the power of float64 `x` from -700 to 700, to within 2 units of the last place."""
    exponent = (x / math.log(2)).round()
    rest = x - exponent * LN2_HIGH - exponent * LN2_LOW
    series = torch.zeros_like(x)
    for factor in reversed(_FACTORIALS):
        series = series * rest + factor
    powers = torch.tensor([2.0**power for power in range(-1022, 1024)], dtype=torch.float64, device=x.device)
    return series * powers[exponent.long() + 1022]
