"""What the tests of the twins draw and compare."""

import numpy as np
import torch

FLOATS = [torch.float64, torch.float32, torch.float16, torch.bfloat16]
DIGITS = {torch.float64: 53, torch.float32: 24, torch.float16: 11, torch.bfloat16: 8}
# For values and hard-label gradients on the grids, inside the promise; a half is rounded once.
BOUND = {torch.float64: 2, torch.float32: 3, torch.float16: 0.501, torch.bfloat16: 0.501}
# Both sides are off by some ULP in each of a few dozen elements, and sum in another order.
PEER = {"rtol": 1e-12, "atol": 1e-14}
BINARY = ["binary_cross_entropy", "binary_cross_entropy_with_logits"]
# Logits around 0 and far from it, for checks of derivatives.
FAR = [0.0, 1e-8, 0.7, -20.0, 40.0, -200.0]


def points_of(grid, dtype):
    values = torch.tensor(grid(np.float64 if dtype is torch.float64 else np.float32)).to(dtype)
    return torch.unique(values[torch.isfinite(values)])


def draw(shape, device="cpu", seed=0):
    """Return logits, labels (hard and soft) and weights of one shape, in float64."""
    generator = torch.Generator().manual_seed(seed)
    z = 3 * torch.randn(shape, generator=generator, dtype=torch.float64)
    y = torch.rand(shape, generator=generator, dtype=torch.float64)
    y = torch.where(torch.rand(shape, generator=generator) < 0.5, (y > 0.5).double(), y)
    w = 0.5 + torch.rand(shape, generator=generator, dtype=torch.float64)
    return z.to(device), y.to(device), w.to(device)


def first_of(name, z):
    return torch.sigmoid(z) * 0.9 + 0.05 if name == "binary_cross_entropy" else z


def gradients(function, *tensors):
    """Return the value of a function that sums to a scalar, and its gradients."""
    leaves = [t.detach().clone().requires_grad_() for t in tensors]
    value = function(*leaves)
    return [value.detach(), *torch.autograd.grad(value.sum(), leaves)]


def leaf(values, device):
    return torch.tensor(values, dtype=torch.float64, device=device, requires_grad=True)
