"""Binary cross-entropy, derived and checked: the code behind the book.

`import companion` needs NumPy alone and brings the names of `elementary`, `binary`, `categorical`
and `focal`, `reduction.RunningMean` and `versions.show_versions`. All else is imported by its
module: the twins of PyTorch's losses (`torch_losses`), the judges (`symbolic` needs SymPy,
`reference` mpmath, `gradient_check`), the trainer, the figures (`plotting` needs Matplotlib).
"""

from companion.binary import (
    binary_cross_entropy,
    binary_cross_entropy_gradient,
    binary_cross_entropy_hessian,
    binary_cross_entropy_jacobian,
    binary_cross_entropy_value_and_gradient,
    binary_cross_entropy_with_logits,
    binary_cross_entropy_with_logits_gradient,
    binary_cross_entropy_with_logits_hessian,
    binary_cross_entropy_with_logits_value_and_gradient,
)
from companion.categorical import (
    cross_entropy,
    cross_entropy_from_probabilities,
    cross_entropy_from_probabilities_gradient,
    cross_entropy_from_probabilities_hessian,
    cross_entropy_from_probabilities_value_and_gradient,
    cross_entropy_gradient,
    cross_entropy_hessian,
    cross_entropy_value_and_gradient,
)
from companion.elementary import (
    log1mexp,
    log_sigmoid,
    log_softmax,
    logit,
    logsumexp,
    sigmoid,
    sigmoid_jacobian,
    softmax,
    softmax_jacobian,
    softplus,
)
from companion.focal import (
    binary_focal_cross_entropy_with_logits,
    binary_focal_cross_entropy_with_logits_gradient,
    binary_focal_cross_entropy_with_logits_value_and_gradient,
)
from companion.reduction import RunningMean
from companion.versions import show_versions

__all__ = [
    "RunningMean",
    "binary_cross_entropy",
    "binary_cross_entropy_gradient",
    "binary_cross_entropy_hessian",
    "binary_cross_entropy_jacobian",
    "binary_cross_entropy_value_and_gradient",
    "binary_cross_entropy_with_logits",
    "binary_cross_entropy_with_logits_gradient",
    "binary_cross_entropy_with_logits_hessian",
    "binary_cross_entropy_with_logits_value_and_gradient",
    "binary_focal_cross_entropy_with_logits",
    "binary_focal_cross_entropy_with_logits_gradient",
    "binary_focal_cross_entropy_with_logits_value_and_gradient",
    "cross_entropy",
    "cross_entropy_from_probabilities",
    "cross_entropy_from_probabilities_gradient",
    "cross_entropy_from_probabilities_hessian",
    "cross_entropy_from_probabilities_value_and_gradient",
    "cross_entropy_gradient",
    "cross_entropy_hessian",
    "cross_entropy_value_and_gradient",
    "log1mexp",
    "log_sigmoid",
    "log_softmax",
    "logit",
    "logsumexp",
    "show_versions",
    "sigmoid",
    "sigmoid_jacobian",
    "softmax",
    "softmax_jacobian",
    "softplus",
]

__version__ = "0.2.0.dev0"
