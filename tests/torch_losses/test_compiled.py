"""The twins, compiled: one graph, the same values and slopes, the digits of both tails."""

import shutil

import mpmath
import pytest
import torch

from companion import reference, torch_losses
from tests.tables.grids import logits, worst_ulp
from tests.tables.tensors import draw, gradients
from tests.torch_losses.test_probabilities import mean_near_zero, near_zero

BACKENDS = [
    "aot_eager",
    pytest.param(
        "inductor",
        marks=pytest.mark.skipif(
            not (shutil.which("g++") or shutil.which("clang++")),
            reason="torch.compile's inductor needs a C++ compiler",
        ),
    ),
]
COMPILED = {
    "binary": lambda z, y: torch_losses.binary_cross_entropy_with_logits(z, y),
    "everything": lambda z, y: torch_losses.binary_cross_entropy_with_logits(
        z, y, y + 1, pos_weight=y[:1] + 2, label_smoothing=0.1, reduction="sum"
    ),
    "marked": lambda z, y: torch_losses.binary_cross_entropy_with_logits(
        z, torch.where(y == 1, -1, y), y + 1, pos_weight=y[:1] + 2, label_smoothing=0.1,
        reduction="weighted_mean", ignore_index=-1,
    ),
    "probabilities": lambda z, y: torch_losses.binary_cross_entropy(torch.sigmoid(z), y),
    "indices": lambda z, y: torch_losses.cross_entropy(z, (3 * y[:, 0]).long() % 3) + y.sum(),
    "soft classes": lambda z, y: torch_losses.cross_entropy(z, y, label_smoothing=0.1),
}  # fmt: skip


@pytest.mark.parametrize("loss", COMPILED.values(), ids=COMPILED)
@pytest.mark.parametrize("backend", BACKENDS)
def test_compiled_without_graph_breaks_it_is_the_same(backend, loss, device):
    z, y, _ = draw((7, 3), device)
    expected = gradients(loss, z, y)
    compiled = torch.compile(loss, fullgraph=True, backend=backend)
    torch.testing.assert_close(gradients(compiled, z, y), expected, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("backend", BACKENDS)
def test_compiled_loss_keeps_the_digits_of_both_tails(backend, device):
    z = torch.tensor(logits(), device=device)
    for label in (0.0, 1.0):
        y = torch.full_like(z, label)
        compiled = torch.compile(
            torch_losses.binary_cross_entropy_with_logits, fullgraph=True, backend=backend
        )
        value, gradient = gradients(lambda z, y=y, f=compiled: f(z, y, reduction="none"), z)
        points = z.tolist()
        exact = [reference.binary_cross_entropy_with_logits(a, label) for a in points]
        assert worst_ulp(value.cpu(), exact) <= 2
        exact = [reference.binary_cross_entropy_with_logits_gradient(a, label) for a in points]
        assert worst_ulp(gradient.cpu(), exact) <= 2


@pytest.mark.parametrize("places", [(), (3,)], ids=["classes last", "classes before places"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_compiled_loss_of_a_class_keeps_the_digits_of_both_tails(backend, places, device):
    rows = [[0.3, 0.3 - gap, 0.1 - 0.7 * gap] for gap in (0.0, 0.5, 17.1, 37.2, 300.0, 700.0)]
    z = torch.tensor(rows, dtype=torch.float64, device=device)
    exact = [reference.softmax(row) for row in rows]
    z = z.reshape(6, 3, *[1] * len(places)).expand(6, 3, *places).contiguous().requires_grad_()
    loss_of = torch.compile(torch_losses.cross_entropy, fullgraph=True, backend=backend)
    for target in range(3):
        loss = loss_of(z, torch.full((6, *places), target, device=device), reduction="none")
        (slope,) = torch.autograd.grad(loss.sum(), z)
        values = [-reference.log_softmax(row)[target] for row in rows]
        for place in range(3 if places else 1):
            value, steep = ((x[..., place] if places else x).cpu() for x in (loss, slope))
            assert worst_ulp(value.detach(), values) <= 3
            for k in range(3):
                others = [-mpmath.fsum(p[:target] + p[target + 1 :]) for p in exact]
                assert worst_ulp(steep[:, k], others if k == target else [p[k] for p in exact]) <= 4


@pytest.mark.parametrize("shape", [(64, 100), (4, 21, 16)], ids=str)
@pytest.mark.parametrize("backend", BACKENDS)
def test_compiled_loss_of_a_class_keeps_only_the_logits_of_their_size(backend, shape, device):
    z, kept = draw(shape, device)[0].requires_grad_(), []
    index = torch.zeros((shape[0], *shape[2:]), dtype=torch.long, device=device)
    loss_of = torch.compile(torch_losses.cross_entropy, fullgraph=True, backend=backend)
    with torch.autograd.graph.saved_tensors_hooks(lambda x: (kept.append(x), x)[1], lambda x: x):
        loss_of(z, index)
    assert [x.data_ptr() for x in kept if x.numel() == z.numel()] == [z.data_ptr()]


@near_zero
def test_gradient_of_a_mean_is_finite_where_that_of_its_loss_overflows(
    dtype, p, label, weight, device
):
    first, loss, exact = mean_near_zero(dtype, p, label, weight, device)
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    (gradient,) = torch.autograd.grad(compiled(first), first)
    assert gradient[7].item() == pytest.approx(exact, rel=8 * torch.finfo(dtype).eps, abs=0)
