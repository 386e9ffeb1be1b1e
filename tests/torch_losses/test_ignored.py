"""Labels that are left out: nothing beside them is looked at, and nothing is computed with it."""

import numpy as np
import pytest
import torch

from companion import torch_losses
from companion.torch_losses._ignored import check_ignore_index, leave_out

BCE = torch_losses.binary_cross_entropy
LOGITS = torch_losses.binary_cross_entropy_with_logits
Z, Y = torch.zeros(3), torch.tensor([0.0, 1.0, 0.5])


@pytest.mark.parametrize("mark", [-1.0, 255.0, torch.nan, torch.inf, 0.5, 1.0])
@pytest.mark.parametrize(
    "dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16], ids=str
)
def test_label_to_ignore_is_left_out_whatever_stands_beside_it(dtype, mark):
    first = torch.tensor([0.25, torch.nan, 7.0, 0.75, -torch.inf], dtype=dtype)
    target = torch.tensor([0.0, mark, mark, 0.25, mark], dtype=dtype)
    for function in (BCE, LOGITS, torch_losses.sigmoid_focal_loss):
        leaf = first.clone().requires_grad_()
        losses = function(leaf, target, reduction="none", ignore_index=mark)
        (gradient,) = torch.autograd.grad(losses.sum(), leaf)
        expected = function(first[[0, 3]], target[[0, 3]], reduction="none")
        assert torch.equal(losses[[0, 3]].detach(), expected)
        assert not losses[[1, 2, 4]].any()
        assert not gradient[[1, 2, 4]].any()
        assert gradient[[0, 3]].all()


@pytest.mark.parametrize(
    ("dtype", "mark"),
    [(torch.float16, -9999), (torch.bfloat16, -999), (torch.float32, -0.1)],
    ids=str,
)
def test_label_to_ignore_is_the_one_that_the_dtype_of_the_labels_makes_of_it(dtype, mark):
    target = torch.tensor([0.0, mark, 1.0], dtype=dtype)
    losses = LOGITS(Z.double(), target, reduction="none", ignore_index=mark)
    assert losses.bool().tolist() == [True, False, True]


def test_nothing_to_ignore_costs_no_tensor():
    for mark in (None, -1.0, 2.0, torch.nan):
        assert leave_out(Z, Y, Y, mark) == (None, Z, Y)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_mark_may_be_what_is_a_label_elsewhere(place):
    ignored, z, y = leave_out(Z, Y, Y, Y[place].item())
    assert ignored.tolist() == [k == place for k in range(3)]
    assert (z[place], y[place]) == (0.5, 0.5)


def test_what_is_neither_label_nor_mark_is_refused():
    with pytest.raises(ValueError, match="target"):
        leave_out(Z, Y, torch.tensor([0.0, 1.5, 1.0]), -1.0)


def test_true_is_no_mark():
    with pytest.raises(TypeError, match="ignore_index: expected a number, got bool"):
        check_ignore_index(True)


def test_label_to_ignore_may_be_a_tensor_and_is_kept_as_a_float():
    assert check_ignore_index(None) is None
    for mark in (-1, torch.tensor(-1), np.int64(-1)):
        assert repr(check_ignore_index(mark)) == "-1.0"


def test_one_label_to_ignore_meets_any_shape():
    losses = LOGITS(Z, torch.tensor(-1.0), reduction="none", ignore_index=-1)
    assert losses.tolist() == [0, 0, 0]
    assert LOGITS(torch.tensor(0.0), torch.tensor([-1.0, 1.0]), ignore_index=-1) == LOGITS(
        torch.tensor(0.0), torch.tensor(1.0)
    )
