"""The book's figures: small functions that draw given arrays on a given `ax` and return it.

They compute no loss: what a figure shows is what you hand over. Start with `draw_curve` and
`draw_by_label`; the rest is in the order of the chapters. Colours come from `companion.palette`
by their meaning; axis labels name the quantity and, where it has one, its unit.
"""

from companion.plotting._derive import (
    draw_accuracy_steps,
    draw_asymptotes,
    draw_expected_scores,
    draw_hessian_bump,
    draw_likelihood,
    draw_loss_floor,
    draw_matrix,
    draw_minimum,
    draw_pulls,
    draw_sigmoid,
    draw_sorted_losses,
    draw_tangent_fan,
    draw_tangent_gap,
    draw_two_logits,
)
from companion.plotting._run import (
    draw_atlas,
    draw_atlas_key,
    draw_by_exponent,
    draw_dead_zone,
    draw_lost_tail,
    draw_pairs,
    draw_planes,
    draw_shares,
    draw_shifted_losses,
    draw_shifted_probabilities,
    draw_smoothed_loss,
    draw_step_errors,
)
from companion.plotting._shared import (
    LOGIT,
    LOSS,
    PROBABILITY,
    draw_by_label,
    draw_curve,
    draw_reference_line,
)
from companion.plotting._use import (
    draw_convergence,
    draw_probability_map,
    draw_reliability,
    draw_threshold_costs,
    draw_training_and_validation,
    draw_two_shards,
)

__all__ = [
    "LOGIT",
    "LOSS",
    "PROBABILITY",
    "draw_accuracy_steps",
    "draw_asymptotes",
    "draw_atlas",
    "draw_atlas_key",
    "draw_by_exponent",
    "draw_by_label",
    "draw_convergence",
    "draw_curve",
    "draw_dead_zone",
    "draw_expected_scores",
    "draw_hessian_bump",
    "draw_likelihood",
    "draw_loss_floor",
    "draw_lost_tail",
    "draw_matrix",
    "draw_minimum",
    "draw_pairs",
    "draw_planes",
    "draw_probability_map",
    "draw_pulls",
    "draw_reference_line",
    "draw_reliability",
    "draw_shares",
    "draw_shifted_losses",
    "draw_shifted_probabilities",
    "draw_sigmoid",
    "draw_smoothed_loss",
    "draw_sorted_losses",
    "draw_step_errors",
    "draw_tangent_fan",
    "draw_tangent_gap",
    "draw_threshold_costs",
    "draw_training_and_validation",
    "draw_two_logits",
    "draw_two_shards",
]
