"""Points where binary cross-entropy goes wrong, and how far off a result is there."""

import mpmath
import numpy as np

LABELS = [0.0, 1.0, 0.3, 0.5, 1 - 1e-9]

_MAGNITUDES = np.unique(
    np.concatenate(
        [
            [1e-300, 1e-200, 1e-100, 1e-30, 1e-20, 1e-16, 1.2e-16, 1e-12, 1e-8, 1e-7, 1e-4, 1e-3],
            [0.01, 0.1, 0.25, 0.5, np.log(2), 0.8472978603872034, 1, 2, 3, 5, 8, 10, 20.7],
            # where exp(−z) meets the spacing of float32 and float64, and where it underflows
            [
                15.9,
                16.6,
                17.3,
                18,
                30,
                33.3,
                36.04,
                36.7,
                37,
                37.43,
                40,
                50,
                87.3,
                88.7,
                100,
                103.9,
            ],
            [200, 500, 700, 708.3, 709.7, 709.8, 740, 744.4, 745, 745.13, 745.14, 746, 750, 1e4],
            np.geomspace(1e-10, 750, 40),
            np.linspace(0.05, 40, 40),
        ]
    )
)


def logits(dtype=np.float64):
    """Return finite logits of both signs and 0, as distinct numbers of `dtype`."""
    with np.errstate(under="ignore", over="ignore"):
        points = np.concatenate([-_MAGNITUDES, [0.0], _MAGNITUDES]).astype(dtype)
    return np.unique(points[np.isfinite(points)])


def probabilities(dtype=np.float64):
    """Return probabilities inside (0, 1): tiny ones, near each label, near 1/2, near 1."""
    tiny = np.finfo(dtype).smallest_normal
    eps = np.finfo(dtype).eps
    near = [
        label + sign * 10.0**-k for label in (0.3, 0.5) for k in range(1, 17) for sign in (-1, 1)
    ]
    points = np.concatenate(
        [
            np.geomspace(1e-300, 0.4, 60),
            np.linspace(0.02, 0.98, 49),
            near,
            [tiny, 0.3, 0.5, 0.5 + eps, 0.5 - eps / 2, 1 - 1e-9, 1 - 2e-9],
            1 - np.geomspace(eps / 2, 0.4, 40),
        ]
    )
    with np.errstate(under="ignore"):
        points = points.astype(dtype)
    return np.unique(points[(points >= tiny) & (points < 1)])


def worst_ulp(computed, exact):
    """Return the largest error in units of the last place of an array or tensor.

    The unit is that at the exact value; a value that is no normal number of the dtype is not
    compared. It also measures bfloat16, which `companion.reference.ulp_error` does not know.
    """
    if isinstance(computed, np.ndarray | np.generic):
        info, numbers = np.finfo(computed.dtype), np.ravel(computed).astype(np.float64).tolist()
    else:
        import torch

        info, numbers = torch.finfo(computed.dtype), computed.double().flatten().tolist()
    worst = 0.0
    for got, want in zip(numbers, np.ravel(np.array(exact, dtype=object)), strict=True):
        if float(info.tiny) <= abs(want) <= float(info.max):
            unit = mpmath.ldexp(float(info.eps), mpmath.frexp(want)[1] - 1)
            off = abs(mpmath.mpf(got) - want) / unit
            worst = max(worst, float("inf") if mpmath.isnan(off) else float(off))
    return worst


def draw_batch():
    """Return arguments at which every peer is at ease, labels hard and soft."""
    rng = np.random.default_rng(0)
    return {
        "logits": rng.normal(0, 3, (8, 3)),
        "probabilities": rng.uniform(0.02, 0.98, (8, 3)),
        "labels": np.where(
            rng.random((8, 3)) < 0.5, rng.integers(0, 2, (8, 3)), rng.random((8, 3))
        ),
        "weight": rng.uniform(0.1, 2, (8, 3)),
        "pos_weight": rng.uniform(0.1, 5, 3),
    }


def absolute_errors(computed, exact):
    """Return |computed - exact| as floats."""
    return np.array([abs(float(float(c) - e)) for c, e in zip(computed, exact, strict=True)])
