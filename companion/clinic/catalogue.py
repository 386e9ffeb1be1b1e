"""All that the clinic looks for, in the order in which it looks.

`VALUE` findings say why the value is wrong on ordinary input, `SLOPE` why the gradient is: the
first that fits is the one. The others may come together. `EXPLAINS` says what follows from what.
"""

from __future__ import annotations

from importlib import import_module

from companion.clinic.finding import Finding

__all__ = [
    "BY_NAME",
    "EDGES",
    "ENDS",
    "EXPLAINS",
    "FIRST",
    "SLOPE",
    "VALUE",
    "catalogue",
]


def _load(names: str) -> tuple[Finding, ...]:
    """Return what stands in the files of these names."""
    modules = (import_module(f"companion.clinic.findings.{name}") for name in names.split())
    return tuple(module.FINDING for module in modules)


FIRST: tuple[Finding, ...] = _load(
    "hangs kills_the_process crashes returns_no_number stateful input_modified "
    "global_state_changed prints low_precision_inside "
)
VALUE: tuple[Finding, ...] = _load(
    "arguments_swapped first_sample_only reduction shape_broadcast labels_ignored "
    "branches_swapped sign_flipped one_term_sign activation_missing log_of_labels "
    "term_missing weight_ignored pos_weight_wrong_term pos_weight_normalised mean_of_means "
    "class_weight_hidden smoothing_wrong labels_transformed smoothing_hidden label_off_by_one "
    "wrong_log_base wrong_divisor activation_by_range activation_extra two_term_on_categorical "
    "log_missing log1p_for_log softmax_wrong_axis softmax_shift_outside not_cross_entropy "
    "constant_added wrong_constant formula_wrong "
)
EDGES: tuple[Finding, ...] = _load(
    "mask_denominator masked_included soft_labels_wrong soft_labels_nan soft_labels_rejected "
    "integer_labels_wrong integer_labels_rejected empty_class_nan nan_at_certainty "
    "raises_at_certainty overflow epsilon_wrong_side epsilon_vanishes epsilon_double "
    "epsilon_in_log clipped clip_asymmetric bad_values_hidden negative_value tail_digits_lost "
    "renormalises inf_logit_nan labels_unchecked "
)
SLOPE: tuple[Finding, ...] = _load(
    "gradient_detached gradient_sign gradient_scale gradient_of_logits gradient_wrong "
)
ENDS: tuple[Finding, ...] = _load(
    "gradient_ignores_upstream gradient_at_zero gradient_nan gradient_dead hessian_wrong "
    "not_twice_differentiable "
)

_NUMERICS = [
    "nan-at-certainty",
    "raises-at-certainty",
    "overflow",
    "epsilon-wrong-side",
    "epsilon-vanishes",
    "epsilon-double",
    "epsilon-in-log",
    "clipped",
    "clip-asymmetric",
    "bad-values-hidden",
    "negative-value",
    "tail-digits-lost",
    "soft-labels-wrong",
    "soft-labels-nan",
    "gradient-dead",
    "gradient-nan",
    "gradient-at-zero",
    "empty-class-nan",
    "not-twice-differentiable",
]
_GRADIENTS = [
    "gradient-wrong",
    "gradient-scale",
    "gradient-of-logits",
    "gradient-at-zero",
    "gradient-nan",
    "gradient-dead",
    "gradient-ignores-upstream",
    "not-twice-differentiable",
]
# Left explains right: the right is withheld while the left stands.
EXPLAINS: dict[str, list[str]] = {
    "stateful": [*_NUMERICS, *_GRADIENTS, "integer-labels-wrong", *(f.name for f in VALUE)],
    "input-modified": [
        "stateful",
        "gradient-wrong",
        "clipped",
        "tail-digits-lost",
        "epsilon-vanishes",
    ],
    "low-precision-inside": ["tail-digits-lost", "soft-labels-wrong", "overflow"],
    **{
        finding.name: [*_NUMERICS, "integer-labels-wrong"]
        for finding in VALUE
        if finding.name
        not in {
            "reduction",
            "wrong-log-base",
            "wrong-divisor",
            "constant-added",
            "mean-of-means",
            "shape-broadcast",
            "class-weight-hidden",
            "weight-ignored",
            "pos-weight-normalised",
        }
    },
    "mean-of-means": ["soft-labels-wrong"],
    "empty-class-nan": ["overflow", "soft-labels-nan"],
    "nan-at-certainty": ["gradient-nan"],
    "epsilon-wrong-side": ["nan-at-certainty", "clipped", "epsilon-in-log", "clip-asymmetric"],
    "epsilon-double": ["clipped", "negative-value", "epsilon-in-log"],
    "epsilon-in-log": ["negative-value", "clip-asymmetric", "tail-digits-lost"],
    "epsilon-vanishes": ["gradient-nan"],
    "overflow": ["gradient-nan", "gradient-dead", "tail-digits-lost"],
    "bad-values-hidden": ["overflow", "gradient-nan", "gradient-dead", "clipped"],
    "clipped": ["gradient-dead", "tail-digits-lost"],
    "gradient-detached": [*_GRADIENTS, "gradient-sign"],
    "gradient-sign": _GRADIENTS,
    "gradient-scale": ["gradient-ignores-upstream", "gradient-dead"],
    "gradient-wrong": ["gradient-at-zero", "gradient-dead", "gradient-nan"],
}


def catalogue() -> tuple[Finding, ...]:
    """Return each finding once, in order."""
    return (*FIRST, *VALUE, *EDGES, *SLOPE, *ENDS)


BY_NAME = {finding.name: finding for finding in catalogue()}
