"""What a twin refuses: kinds, shapes and values, each with a way to mend it."""

import numpy as np
import pytest
import torch

from companion import torch_losses

# PyTorch's own compiler and forward mode warn of what they use themselves.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning"),
]
Z, Y = torch.zeros(3), torch.ones(3)
REFUSED = {
    "array": ((np.zeros(3), Y), {}, TypeError, "torch.Tensor"),
    "list": ((Z, [1.0, 1.0, 1.0]), {}, TypeError, "torch.as_tensor"),
    "integer target": ((Z, torch.ones(3, dtype=torch.long)), {}, TypeError, r"target\.float"),
    "complex": ((Z.to(torch.complex64), Y), {}, TypeError, "complex64"),
    "column": ((Z, Y[:, None]), {}, ValueError, r"\(3,\) and \(3, 1\)"),
    "too short": ((Z, Y[:2]), {}, ValueError, "label"),
    "negative label": ((Z, -Y), {}, ValueError, "got -1.0"),
    "nan label": ((Z, Y * torch.nan), {}, ValueError, "got nan"),
    "negative weight": (
        (Z, Y),
        {"weight": -Y},
        ValueError,
        "weight: expected values from 0 to any finite number, got -1",
    ),
    "infinite pos_weight": ((Z, Y), {"pos_weight": Y / 0}, ValueError, "pos_weight: .*got inf"),
    "wide weight": ((Z, Y), {"weight": torch.ones(2, 3)}, ValueError, r"got \(2, 3\)"),
    "reduction": ((Z, Y), {"reduction": "average"}, ValueError, "'average'"),
    "smoothing": ((Z, Y), {"label_smoothing": 2.0}, ValueError, "label_smoothing"),
    "device": ((Z, Y.to("meta")), {}, ValueError, "cpu and meta"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_wrong_argument_is_refused_with_a_way_to_mend_it(case):
    arguments, options, error, words = REFUSED[case]
    with pytest.raises(error, match=words) as caught:
        torch_losses.binary_cross_entropy_with_logits(*arguments, **options)
    assert type(caught.value) is error
    assert "; " in str(caught.value)


@pytest.mark.parametrize(
    ("target", "error"),
    [
        (torch.tensor([0, 3]), IndexError),
        (torch.tensor([0, -1]), IndexError),
        (torch.tensor([0.0, 1.0]), TypeError),
        (torch.tensor([True, False]), TypeError),
        (torch.tensor([0, 1, 2]), ValueError),
        (torch.full((2, 3), 1.5), ValueError),
    ],
)
def test_wrong_class_labels_are_refused(target, error):
    with pytest.raises(error) as caught:
        torch_losses.cross_entropy(torch.zeros(2, 3), target)
    assert type(caught.value) is error
    assert "expected" in str(caught.value)
