"""The loss of each class: mpmath's digits, and both directions of its derivative."""

import math

import mpmath
import pytest
import torch

from companion import reference
from companion.torch_losses._log_losses import (
    _exponentials,
    log_losses,
    pull_back_to_logits,
    push_from_logits,
)
from tests.tables.grids import worst_ulp
from tests.tables.tensors import PEER, draw, leaf

ROWS = [[0.0, -1e-8, 0.0], [1.1, -36.1, -0.5], [700.0, 0.3, -5.0], [-1000.3, -1000.0, -1750.0]]


@pytest.mark.parametrize("dim", [0, 1])
def test_every_class_costs_what_mpmath_says(dim, device):
    z = torch.tensor(ROWS, dtype=torch.float64, device=device)
    ours = log_losses(z if dim else z.t(), dim).cpu()
    for row, losses in zip(ROWS, ours if dim else ours.t(), strict=True):
        assert worst_ulp(losses, [-each for each in reference.log_softmax(row)]) <= 2


@pytest.mark.parametrize("row", [[math.inf, math.inf, 0.0], [-math.inf, -math.inf]])
def test_rows_without_a_limit_are_nan(row, device):
    assert log_losses(torch.tensor(row, device=device), 0).isnan().all()


def test_exponential_of_a_difference_has_the_digits_that_the_difference_loses():
    rng = torch.Generator().manual_seed(0)
    z = -torch.rand(500, generator=rng, dtype=torch.float64) * 700
    largest = torch.rand(500, generator=rng, dtype=torch.float64) * 8
    with mpmath.workdps(50):
        pairs = zip(z.tolist(), largest.tolist(), strict=True)
        exact = [mpmath.exp(mpmath.mpf(a) - mpmath.mpf(b)) for a, b in pairs]
    assert worst_ulp(_exponentials(z, largest), exact) <= 2
    assert worst_ulp(torch.exp(z - largest), exact) > 100


def test_pull_back_and_push_are_the_softmax_jacobian_both_ways(device):
    z, grad, tangent = draw((5, 4), device)
    jacobian = torch.softmax(z, 1)[:, None, :] - torch.eye(4, dtype=z.dtype, device=device)
    expected = torch.einsum("nk,nkj->nj", grad, jacobian)
    torch.testing.assert_close(pull_back_to_logits(grad, z, 1), expected, **PEER)
    expected = torch.einsum("nkj,nj->nk", jacobian, tangent)
    torch.testing.assert_close(push_from_logits(tangent, z, 1), expected, **PEER)


def test_slope_of_a_confident_right_answer_is_minus_the_sum_of_the_others(device):
    z = leaf([40.0, 0.0, 1.0], device)
    (slope,) = torch.autograd.grad(log_losses(z, 0)[0], z)
    exact = reference.softmax(z.tolist())
    assert worst_ulp(slope.cpu(), [-(exact[1] + exact[2]), *exact[1:]]) <= 4
