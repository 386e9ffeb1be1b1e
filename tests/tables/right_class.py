"""Rows of logits for the loss of the right class, and what it and its slopes are there."""

import mpmath
import numpy as np

_INF, _NAN = np.inf, np.nan

ROWS = {
    "unshifted": [0.3, -0.7, 12.1, 3.0],
    "one far below the smallest float": [0.0, -740.2, -0.1, -709.3],
    "the largest sum without a shift": [230.2, 229.7, -0.3, -1.0],
    "a right class far below it": [230.2, -660.1, -457.7, -463.3],
    "the next": [230.3, 229.7, -0.3, -1.0],
    "just enough": [-0.7, -740.5, -900.0, -709.3],
    "low": [-40.2, -41.7, -299.9, -60.0],
    "one far too low, but none of its probability": [-40.2, -720.3, -41.7, -735.1],
    "the same in float32": [-30.2, -100.3, -31.7, -95.1],
    "one too low": [-40.2, -41.7, -300.1, -60.0],
    "lower than the smallest float": [-700.3, -1440.9, -1100.7, -1409.1],
    "high": [900.7, 160.9, 12.3, 899.9],
    "a shift that rounds": [240.3, 0.1, -3.7, 12.9],
    "far from 0": [1e6 + 0.4, 999_999.7, 1e6 - 700.1, -3.3],
    "as many digits as the shift": [2.0**52 + 1, 2.0**52, 2.0**52 - 30.5, 1.25],
    "ties": [7.5, 7.5, 7.5, -20.1],
}


def limits(dtype):
    """Return, of rows, the loss where each class is right and the softmax, in `dtype`."""
    most = float(np.finfo(dtype).max)
    return {
        (_INF, 0.0, -_INF): ([0, _INF, _INF], [1, 0, 0]),
        (_INF, most, -most): ([0, _INF, _INF], [1, 0, 0]),
        (most, -most, -_INF): ([0, _INF, _INF], [1, 0, 0]),
        (-most, -_INF, -_INF): ([0, _INF, _INF], [1, 0, 0]),
        (0.0, -_INF, -800.0): ([0, _INF, 800], [1, 0, 0]),
        (-1000.0, -most / 2, -_INF): ([0, most / 2, _INF], [1, 0, 0]),
        (_INF, _INF, 0.0): ([_NAN] * 3, [_NAN] * 3),
        (-_INF, -_INF, -_INF): ([_NAN] * 3, [_NAN] * 3),
        (_NAN, 0.0, 0.0): ([_NAN] * 3, [_NAN] * 3),
        (0.0, _INF, _NAN): ([_NAN] * 3, [_NAN] * 3),
    }


def exact(row, right):
    """Return the loss of finite logits and its slopes as mpmath's numbers."""
    with mpmath.workdps(1500):  # an exponential of thousands beside 1
        e = [mpmath.exp(mpmath.mpf(x) - mpmath.mpf(row[right])) for x in row]
        rest = mpmath.fsum(part for k, part in enumerate(e) if k != right)
        slope = [-rest / (1 + rest) if k == right else p / (1 + rest) for k, p in enumerate(e)]
        return mpmath.log1p(rest), slope
