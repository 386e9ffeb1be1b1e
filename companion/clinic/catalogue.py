"""All that the clinic looks for, in the order in which it looks.

`VALUE` findings say why the value is wrong on ordinary input, `SLOPE` why the gradient is: the
first that fits is the one. The others may come together. `EXPLAINS` says what follows from what.
"""

from __future__ import annotations

from companion.clinic.finding import Finding
from companion.clinic.findings import (
    activation_by_range,
    activation_extra,
    activation_missing,
    arguments_swapped,
    bad_values_hidden,
    branches_swapped,
    class_weight_hidden,
    clip_asymmetric,
    clipped,
    constant_added,
    crashes,
    empty_class_nan,
    epsilon_double,
    epsilon_in_log,
    epsilon_vanishes,
    epsilon_wrong_side,
    first_sample_only,
    formula_wrong,
    global_state_changed,
    gradient_at_zero,
    gradient_dead,
    gradient_detached,
    gradient_ignores_upstream,
    gradient_nan,
    gradient_of_logits,
    gradient_scale,
    gradient_sign,
    gradient_wrong,
    hangs,
    hessian_wrong,
    inf_logit_nan,
    input_modified,
    integer_labels_rejected,
    integer_labels_wrong,
    kills_the_process,
    label_off_by_one,
    labels_ignored,
    labels_transformed,
    labels_unchecked,
    log1p_for_log,
    log_missing,
    log_of_labels,
    low_precision_inside,
    mask_denominator,
    masked_included,
    mean_of_means,
    nan_at_certainty,
    negative_value,
    not_cross_entropy,
    not_twice_differentiable,
    one_term_sign,
    overflow,
    pos_weight_normalised,
    pos_weight_wrong_term,
    prints,
    raises_at_certainty,
    reduction,
    renormalises,
    returns_no_number,
    shape_broadcast,
    sign_flipped,
    smoothing_hidden,
    smoothing_wrong,
    soft_labels_nan,
    soft_labels_rejected,
    soft_labels_wrong,
    softmax_shift_outside,
    softmax_wrong_axis,
    stateful,
    tail_digits_lost,
    term_missing,
    two_terms_on_classes,
    weight_ignored,
    wrong_constant,
    wrong_divisor,
    wrong_log_base,
)

__all__ = [
    "BY_NAME",
    "EDGES",
    "ENDS",
    "EXPLAINS",
    "FIRST",
    "SLOPE",
    "VALUE",
    "catalogue",
    "page_of",
]

FIRST: tuple[Finding, ...] = (
    hangs.FINDING,
    kills_the_process.FINDING,
    crashes.FINDING,
    returns_no_number.FINDING,
    stateful.FINDING,
    input_modified.FINDING,
    global_state_changed.FINDING,
    prints.FINDING,
    low_precision_inside.FINDING,
)
VALUE: tuple[Finding, ...] = (
    arguments_swapped.FINDING,
    first_sample_only.FINDING,
    reduction.FINDING,
    shape_broadcast.FINDING,
    labels_ignored.FINDING,
    branches_swapped.FINDING,
    sign_flipped.FINDING,
    one_term_sign.FINDING,
    activation_missing.FINDING,
    log_of_labels.FINDING,
    term_missing.FINDING,
    weight_ignored.FINDING,
    pos_weight_wrong_term.FINDING,
    pos_weight_normalised.FINDING,
    mean_of_means.FINDING,
    class_weight_hidden.FINDING,
    smoothing_wrong.FINDING,
    labels_transformed.FINDING,
    smoothing_hidden.FINDING,
    label_off_by_one.FINDING,
    wrong_log_base.FINDING,
    wrong_divisor.FINDING,
    activation_by_range.FINDING,
    activation_extra.FINDING,
    two_terms_on_classes.FINDING,
    log_missing.FINDING,
    log1p_for_log.FINDING,
    softmax_wrong_axis.FINDING,
    softmax_shift_outside.FINDING,
    not_cross_entropy.FINDING,
    constant_added.FINDING,
    wrong_constant.FINDING,
    formula_wrong.FINDING,
)
EDGES: tuple[Finding, ...] = (
    mask_denominator.FINDING,
    masked_included.FINDING,
    soft_labels_wrong.FINDING,
    soft_labels_nan.FINDING,
    soft_labels_rejected.FINDING,
    integer_labels_wrong.FINDING,
    integer_labels_rejected.FINDING,
    empty_class_nan.FINDING,
    nan_at_certainty.FINDING,
    raises_at_certainty.FINDING,
    overflow.FINDING,
    epsilon_wrong_side.FINDING,
    epsilon_vanishes.FINDING,
    epsilon_double.FINDING,
    epsilon_in_log.FINDING,
    clipped.FINDING,
    clip_asymmetric.FINDING,
    bad_values_hidden.FINDING,
    negative_value.FINDING,
    tail_digits_lost.FINDING,
    renormalises.FINDING,
    inf_logit_nan.FINDING,
    labels_unchecked.FINDING,
)
SLOPE: tuple[Finding, ...] = (
    gradient_detached.FINDING,
    gradient_sign.FINDING,
    gradient_scale.FINDING,
    gradient_of_logits.FINDING,
    gradient_wrong.FINDING,
)
ENDS: tuple[Finding, ...] = (
    gradient_ignores_upstream.FINDING,
    gradient_at_zero.FINDING,
    gradient_nan.FINDING,
    gradient_dead.FINDING,
    hessian_wrong.FINDING,
    not_twice_differentiable.FINDING,
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

_LABELS = {
    "label-off-by-one",
    "labels-ignored",
    "labels-transformed",
    "labels-unchecked",
    "log-of-labels",
    "smoothing-hidden",
    "smoothing-wrong",
    "soft-labels-nan",
    "soft-labels-rejected",
    "soft-labels-wrong",
    "integer-labels-rejected",
    "integer-labels-wrong",
}
_COUNTS = {
    "class-weight-hidden",
    "empty-class-nan",
    "first-sample-only",
    "mask-denominator",
    "masked-included",
    "mean-of-means",
    "pos-weight-normalised",
    "pos-weight-wrong-term",
    "reduction",
    "shape-broadcast",
    "weight-ignored",
    "wrong-divisor",
}


def page_of(finding: Finding) -> str:
    """Return the page of the book that explains a finding."""
    if finding.name in _LABELS:
        return "labels"
    if finding.name in _COUNTS:
        return "counts"
    for page, group in (("value", VALUE), ("ends", EDGES), ("derivatives", (*SLOPE, *ENDS))):
        if finding in group:
            return page
    return "behaviour"
