"""The popular mistakes, planted one at a time: for each, the test that must notice it does.

A fault replaces one piece of code of one module in a copy of the package; the named test runs in
that copy.
"""

import ast
import multiprocessing
import os
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent


class Fault(NamedTuple):
    module: str
    old: str  # an expression or a statement that stands once in the module
    new: str
    test: str  # the fact that stops being one
    engine: str = "numpy"


ACCURACY = "test_binary.py::test_on_logits_is_as_accurate_as_promised_over_the_whole_range"
FACTOR = (
    "test_laws.py::test_reduced_derivative_is_the_elementwise_one_times_the_factor_of_the_reduction"
)
SHAPES = "test_contracts.py::test_different_shapes_are_a_value_error_that_prints_both"
KINDS = "test_bad_input.py::test_what_is_no_array_of_numbers_is_refused"
RANGES = "test_contracts.py::test_values_outside_the_unit_interval_are_a_value_error"
LOGITS = "binary_cross_entropy_with_logits"
TWINS = "torch_losses"
COMPILED = "_numba/test"
CLASSES = f"{COMPILED}_categorical.py"
WEIGHED = "test_weights_ignored_rows_and_reductions_are_those_of_numpy"
FAULTS = {
    "swapped branch": Fault(
        "_numpy/binary",
        "np.equal(z, e, out=h)",
        "np.not_equal(z, e, out=h)",
        "test_laws.py::test_wrong_answer_given_with_certainty_costs_infinity[logits]",
    ),
    "swapped answers": Fault(
        "_numpy/binary",
        "b[...] = 1 - y if no is None else no",
        "b[...] = y; y = 1 - y",
        "test_laws.py::test_wrong_answer_given_with_certainty_costs_infinity[probabilities]",
    ),
    "flipped sign of the gradient": Fault(
        "_numpy/binary",
        "np.subtract(p, y, out=rows.gradient)",
        "np.subtract(y, p, out=rows.gradient)",
        "test_laws.py::test_gradient_is_the_slope_of_the_value[probabilities]",
    ),
    "gradient of the kink at logit 0": Fault(
        "_numpy/binary",
        "np.multiply(h, t, out=rows.gradient)",
        "np.multiply(h * (z != 0), t, out=rows.gradient)",
        "test_laws.py::test_gradient_is_the_slope_of_the_value[logits]",
    ),
    "lost 1/N of the gradient": Fault(
        "_numpy/one_block",
        "divisor != 1",
        "False",
        f"{FACTOR}[mean-logits]",
    ),
    "lost 1/N of the loss": Fault(
        "_numpy/elementwise",
        '(divisor if kind == "value" else 1)',
        "1",
        "test_laws.py::test_weighted_mean_without_weight_is_the_mean_unless_the_options_weigh",
    ),
    "epsilon in the log": Fault(
        "_numpy/binary",
        "np.log(p, out=rows.value)",
        "np.log(p + 1e-100, out=rows.value)",
        "test_laws.py::test_wrong_answer_given_with_certainty_costs_infinity[probabilities]",
    ),
    "clipped probability": Fault(
        "_numpy/binary",
        "b, t, u = scratch[:3]",
        "b, t, u = scratch[:3]; p = np.clip(p, 1e-7, 1 - 1e-7)",
        "test_laws.py::test_right_answer_given_with_certainty_costs_nothing[probabilities]",
    ),
    "log(1 + e) for log1p(e)": Fault(
        "_numpy/binary",
        "np.log1p(e, out=e)",
        "np.log(1 + e, out=e)",
        f"{ACCURACY}[value-2-0.0-float64]",
    ),
    "s(1 - s) for the Hessian": Fault(
        "_numpy/binary",
        "np.divide(t, one_plus_e, out=rows.hessian)",
        "np.multiply(1 / one_plus_e, 1 - 1 / one_plus_e, out=rows.hessian)",
        f"{ACCURACY}[hessian-4-0.0-float64]",
    ),
    "(N,) broadcast with (N, 1)": Fault(
        "contracts",
        "if first.ndim == 0:\n    return second.shape",
        "return np.broadcast_shapes(first.shape, second.shape)",
        f"{SHAPES}[(3,)-(3, 1)-(3, 3)]",
    ),
    "mask of a masked array dropped": Fault(
        "contracts",
        "issubclass(kind, np.ma.MaskedArray)",
        "False",
        f"{KINDS}[{LOGITS}-labels-list of masked arrays]",
    ),
    "NaN label let in": Fault(
        "contracts",
        "np.min(values) >= 0 and np.max(values) <= 1",
        "not (np.min(values) < 0 or np.max(values) > 1)",
        f"{RANGES}[nan-labels]",
    ),
    "wrong reduction": Fault(
        "reduction",
        'return weight if reduction == "weighted_mean" else float(count)',
        "return float(count)",
        f"{FACTOR}[weighted_mean-logits]",
    ),
    "weight dropped from the derivatives": Fault(
        "_numpy/one_block",
        "apply_weight(row, weight)",
        'apply_weight(row, weight if kind == "value" else np.ones_like(row))',
        "test_laws.py::test_weight_of_zero_leaves_an_element_out_even_where_its_loss_is_infinite",
    ),
    "0 times infinity left as NaN": Fault(
        "reduction",
        "np.copyto(values, 0, where=(weight == 0) & np.isinf(values))",
        "pass",
        "test_laws.py::test_weight_of_zero_leaves_an_element_out_even_where_its_loss_is_infinite",
    ),
    "label smoothed towards 0": Fault(
        "_numpy/elementwise",
        "yes += spread",
        "pass",
        "test_laws.py::test_label_smoothing_is_the_loss_of_smoothed_labels",
    ),
    "shift by nothing in the softmax": Fault(
        "_numpy/softmax",
        "self.high = np.subtract(z, self.largest, out=new())",
        "self.high = z + 0",
        "_numpy/test_softmax.py::"
        "test_softmax_complement_and_log_loss_are_right_to_the_last_digits[1]",
    ),
    "rounding error of the shift dropped": Fault(
        "_numpy/softmax",
        "terms += self.e",
        "terms = self.e",
        "_numpy/test_softmax.py::"
        "test_softmax_complement_and_log_loss_are_right_to_the_last_digits[2]",
    ),
    "rounding error of the shift dropped from the sum": Fault(
        "_numpy/softmax",
        'self.rest += np.einsum("kn,kn->n", self.e, self.low)',
        "pass",
        "_numpy/test_softmax.py::"
        "test_softmax_complement_and_log_loss_are_right_to_the_last_digits[2]",
    ),
    "log of the sum for log1p of the rest": Fault(
        "_numpy/softmax",
        "np.log1p(self.rest)",
        "np.log(1 + self.rest)",
        "_numpy/test_softmax.py::"
        "test_softmax_complement_and_log_loss_are_right_to_the_last_digits[1]",
    ),
    "p - 1 at the right class": Fault(
        "_numpy/right_class",
        "-self._rest / self._whole",
        "self._e_right / self._whole - 1",
        "test_categorical.py::test_two_classes_keep_the_digits_of_the_binary_gradient",
    ),
    "rounding error of a whole shift dropped": Fault(
        "_numpy/right_class",
        "e += lost",
        "pass",
        "_numpy/test_right_class.py::"
        "test_loss_and_slope_have_their_digits_whatever_the_shift[a shift that rounds-1-float64]",
    ),
    "log of the ratio for its log1p": Fault(
        "_numpy/right_class",
        "np.log1p(self._rest / self._e_right)",
        "np.log(1 + self._rest / self._e_right)",
        "_numpy/test_right_class.py::"
        "test_loss_and_slope_have_their_digits_whatever_the_shift[a shift that rounds-0-float64]",
    ),
    "ignored rows counted": Fault(
        "_numpy/targets",
        "self._kept(slice(start, stop)).size",
        "stop - start",
        "test_categorical.py::test_ignored_rows_are_as_if_they_were_not_there[-100-mean-0.0]",
    ),
    "sample weight forgotten in the weighted mean": Fault(
        "_numpy/targets",
        "of_row *= sample_weight[rows]",
        "pass",
        "test_categorical.py::test_integer_sample_weight_is_repetition[weighted_mean-cross_entropy]",
    ),
    "negative class index counted from the end": Fault(
        "_numpy/targets",
        "np.min(index) >= 0 and np.max(index) < k",
        "np.min(index) >= -k and np.max(index) < k",
        "test_categorical.py::test_class_index_out_of_range_is_an_index_error_that_tells_where[-1]",
    ),
    "smoothing over the wrong classes": Fault(
        "_numpy/targets",
        "a += self.smoothing / k",
        "a += self.smoothing / (k - 1)",
        "test_categorical.py::"
        "test_value_and_gradient_are_pytorch_s_at_a_comfortable_point[sum-index-False-0.3]",
    ),
    "off-diagonal sign of the softmax's Jacobian": Fault(
        "_numpy/softmax",
        "-p[:, :, np.newaxis]",
        "p[:, :, np.newaxis]",
        "test_elementary.py::test_jacobians_are_pytorch_s",
    ),
    "classes and rows mixed up in a block": Fault(
        "_numpy/class_axis",
        "part.transpose(1, 0, 2)",
        "part.reshape(self.count, len(part), -1)",
        "_numpy/test_class_axis.py::"
        "test_blocks_of_any_length_hold_the_rows_in_order_and_go_back[(6, 5)-1-3]",
    ),
    "sign of the extrapolated slope": Fault(
        "_differences",
        "(16 * slope - before.slope) / 15",
        "(16 * slope + before.slope) / 17",
        "test_differences.py::test_extrapolation_cancels_the_error_of_second_order",
    ),
    "noise of the values ignored": Fault(
        "_differences",
        "np.maximum(np.maximum(2 * eps, noise[1]) * size, noise[0])",
        "2 * eps * size",
        "test_differences.py::test_true_error_lies_below_the_bound[float32 inside-central]",
    ),
    "kink taken for a slope": Fault(
        "_differences",
        "row.truncation + 1.1 * rounding + corner",
        "row.truncation + 1.1 * rounding",
        "test_gradient_check.py::test_kink_is_said_and_any_slope_between_passes",
    ),
    "infinite gradient let through": Fault(
        "gradient_check",
        "~(abs(analytic - numeric) <= allowed) | ~np.isfinite(analytic)",
        "~(abs(analytic - numeric) <= allowed)",
        "test_gradient_check.py::test_planted_fault_fails_with_a_hint[infinite]",
    ),
    "bound of a gradient check forgotten": Fault(
        "gradient_check",
        "bound + rtol * np.maximum(abs(analytic), abs(numeric))",
        "rtol * np.maximum(abs(analytic), abs(numeric))",
        "test_gradient_check.py::test_kink_is_said_and_any_slope_between_passes",
    ),
    "intercept penalised": Fault(
        "_logistic",
        "np.append(penalty, 0.0)",
        "np.append(penalty, penalty[:1])",
        "test_logistic_regression.py::test_gradient_vanishes_at_the_end[hard-0.5-newton]",
    ),
    "penalty missing in the gradient": Fault(
        "_logistic",
        "self.design.T @ slope + pull",
        "self.design.T @ slope",
        "test_logistic_regression.py::test_gradient_vanishes_at_the_end[hard-0.5-newton]",
    ),
    "separation unseen": Fault(
        "_logistic",
        "[logits, -logits]",
        "[logits, logits]",
        "test_logistic_regression.py::"
        "test_perfect_separation_is_said_and_never_called_converged[newton]",
    ),
    "every end called converged": Fault(
        "logistic_regression",
        "(norm <= tolerance and not steep)",
        "norm < np.inf",
        "test_logistic_regression.py::test_too_few_iterations_are_said[newton]",
    ),
    "probability of the first class by subtraction": Fault(
        "estimator",
        "np.column_stack([sigmoid(-logits), sigmoid(logits)])",
        "np.column_stack([1 - sigmoid(logits), sigmoid(logits)])",
        "test_estimator.py::test_probabilities_and_their_logarithms_keep_their_digits[40.0]",
    ),
    "warnings of the blocks let out": Fault(
        "_numpy/blockwise",
        'with np.errstate(all="ignore"):\n    return list(process(bounds))',
        "return list(process(bounds))",
        "test_laws.py::test_no_edge_of_the_range_raises_a_floating_point_warning",
    ),
    "last block forgotten": Fault(
        "_numpy/blockwise",
        "range(0, size, block)",
        "range(0, max(size - block, 1), block)",
        "_numpy/test_blockwise.py::test_every_element_is_seen_exactly_once",
    ),
    "plain float sum in RunningMean": Fault(
        "reduction",
        "return high + low, low - ((high + low) - high)",
        "return high, 0.0",
        "test_reduction.py::test_small_losses_are_not_lost_beside_a_large_one",
    ),
    "sigmoid by 1 - 1/(1 + exp(z))": Fault(
        "elementary",
        "np.where(z < 0, e, 1) / (1 + e)",
        "1 - 1 / (1 + np.exp(z))",
        "test_elementary.py::test_value_is_right_to_the_last_digits_over_the_whole_range",
    ),
    "smoothed labels in the slope: p - y alone": Fault(
        "_numpy/binary",
        "np.subtract(b, t, out=gradient, where=b < y)",
        "pass",
        "test_binary.py::test_smoothed_labels_keep_the_digits_of_both_sides_of_a_probability"
        "[float64-1e-20-1.0]",
    ),
    "log1mexp: log1p(-exp(x)) alone": Fault(
        "elementary",
        "np.log(-np.expm1(x))",
        "np.log1p(-np.exp(x))",
        "test_elementary.py::test_value_is_right_to_the_last_digits_over_the_whole_range",
    ),
    "smoothed labels: 1 - y' by a difference": Fault(
        "_numpy/elementwise",
        "return yes, no",
        "return yes, 1 - yes",
        "test_binary.py::test_smoothed_labels_keep_the_digits_of_both_sides[float64-1e-10-1]",
    ),
    "focal loss: attention to the wrong side": Fault(
        "focal",
        "np.subtract(no, y, out=e)",
        "np.subtract(y, no, out=e)",
        "test_laws.py::test_gradient_is_the_slope_of_the_value[focal]",
    ),
    "focal loss: alpha for the other label": Fault(
        "focal",
        "np.multiply(alpha, y, out=rows[0])",
        "np.multiply(1 - alpha, y, out=rows[0])",
        "test_focal.py::test_alpha_weighs_label_one_and_the_rest_label_zero[1.0]",
    ),
    "focal loss: its power in the weighted mean": Fault(
        "focal",
        "weight += np.multiply(1 - alpha, no, out=rows[1])",
        "weight = 1",
        "test_laws.py::test_every_reduction_reduces_the_unreduced_losses[focal, alpha]",
    ),
    "focal twin: the share of no by a difference": Fault(
        "torch_losses/_focal",
        "torch.sigmoid(z - torch.logit(y))",
        "1 - torch.sigmoid(torch.logit(y) - z)",
        f"{TWINS}/test_focal.py::test_gradient_for_soft_labels_is_off_by_a_few_ulp_of_its_terms"
        "[cpu-1e-20-2.0]",
    ),
    "twin: wrong side of the gradient": Fault(
        "torch_losses/_pieces",
        "out.sub_(other).mul_(grad)",
        "out.add_(other).mul_(grad)",
        f"{TWINS}/test_logits.py::test_gradient_in_logits_for_hard_labels_is_as_accurate_as_promised"
        "[cpu-torch.float64-1.0-first order]",
    ),
    "twin: s(1 - s) for the Hessian": Fault(
        "torch_losses/_logits",
        "return sigmoid(z) * sigmoid(-z)",
        "return sigmoid(z) * (1 - sigmoid(z))",
        f"{TWINS}/test_logits.py::test_second_derivative_in_logits_keeps_its_digits[cpu-torch.float64-4-0.0]",
    ),
    "twin: float32 sums in float32": Fault(
        "torch_losses/_pieces",
        "torch.sum(losses, dtype=wide)",
        "torch.sum(losses)",
        f"{TWINS}/test_reductions.py::test_float32_sums_run_in_float64[cpu]",
    ),
    "twin: last piece forgotten": Fault(
        "torch_losses/_pieces",
        "sums.append(total(out))",
        "sums.append(total(out) if len(out) == PIECE else total(out) * 0)",
        f"{TWINS}/test_logits.py::test_large_tensors_are_pytorchs_in_every_piece[cpu-sum]",
    ),
    "twin: mean over what is ignored": Fault(
        "torch_losses/_reductions",
        "losses.numel() if ignored is None else torch.sum(~ignored)",
        "losses.numel()",
        f"{TWINS}/test_reductions.py::test_everything_ignored_is_a_mean_of_nothing[cpu]",
    ),
    "twin: what is ignored computed all the same": Fault(
        "torch_losses/_ignored",
        "return ignored, torch.where(ignored, 0.5, x), torch.where(ignored, 0.5, y)",
        "return ignored, x, torch.where(ignored, 0.5, y)",
        f"{TWINS}/test_ignored.py::test_label_to_ignore_is_left_out_whatever_stands_beside_it"
        "[torch.float64--1.0]",
    ),
    "overflow before the division": Fault(
        "_numpy/one_block",
        "row[endless] = rare",
        "pass",
        "test_binary.py::test_derivative_of_a_scalar_probability_near_0_is_the_sum_of_finite_shares",
    ),
    "twin: check forgotten under vmap": Fault(
        "torch_losses/_contracts",
        "_Look.apply(values.detach(), look)",
        "pass",
        "torch_losses/test_contracts.py::test_transforms_refuse_what_eager_mode_refuses[labels-vmap]",
    ),
    "twin: mean of class indices by the count": Fault(
        "torch_losses/_classes",
        "total(losses) / total(mass)",
        "total(losses) / losses.numel()",
        f"{TWINS}/test_classes.py::test_class_indices_are_pytorchs[cpu-(6, 4)-mean-1-plain-0.0]",
    ),
    "twin: 1 - p for the other classes": Fault(
        "torch_losses/_right_class",
        "-rest * share",
        "seen * ((whole - rest) / whole - 1)",
        f"{TWINS}/test_right_class.py::test_every_way_keeps_the_digits_of_both_tails"
        "[cpu-0.0-torch.float64-plain]",
    ),
    "twin: 1 - p for the other classes, repeated": Fault(
        "torch_losses/_log_losses",
        "grad * _differentiable_complement(z, dim)",
        "grad * (1 - softmax(z, dim))",
        f"{TWINS}/test_log_losses.py::test_slope_of_a_confident_right_answer_is_minus_the_sum_of_the_others"
        "[cpu]",
    ),
    "twin: target's gradient by a difference": Fault(
        "torch_losses/_logits",
        "return -z if pos_weight is None else times(pos_weight, _softplus(-z)) - _softplus(z)",
        "return (1 if pos_weight is None else pos_weight) * _softplus(-z) - _softplus(z)",
        f"{TWINS}/test_logits.py::test_gradient_in_the_target_is_minus_the_logit[cpu-1e-08]",
    ),
    "engine: its context does not end": Fault(
        "engine",
        "_context.reset(self._tokens.pop())",
        "pass",
        "test_engine.py::test_with_holds_for_its_context_alone_and_ends_with_it",
        "numba",
    ),
    "engine: its context is the whole process": Fault(
        "engine",
        "_calls[:] = [call for call in _calls if call is not self]",
        "pass",
        "test_engine.py::test_with_holds_for_its_context_alone_and_ends_with_it",
        "numba",
    ),
    "compiled: labels of a small array unchecked": Fault(
        "_numpy/one_block",
        "if sums[3]:\n    check_unit_interval('labels', y)",
        "pass",
        "_numpy/test_one_block.py::"
        "test_small_arrays_are_checked_with_the_place_of_the_culprit[1.5-logits]",
        "numba",
    ),
    "compiled: labels of a large array unchecked": Fault(
        "_numpy/elementwise",
        "return *wanted, sums[3]",
        "return *wanted, 0",
        "_numpy/test_elementwise.py::"
        "test_a_bad_label_of_many_is_found_with_its_place[logits-65536-2]",
        "numba",
    ),
    "compiled: wrong side of the gradient": Fault(
        "_numba/binary",
        "k - t if z >= 0 else k + t",
        "k + t if z >= 0 else k - t",
        f"{COMPILED}_binary.py::test_loss_of_logits_is_as_accurate_as_promised[gradient-0.0-2-float64]",
        "numba",
    ),
    "compiled: pos_weight forgotten": Fault(
        "_numba/binary",
        "yes * number(pos_weight, i)",
        "yes",
        f"{COMPILED}_binary.py::test_options_keep_the_digits[value-{{'pos_weight': 3.0}}]",
        "numba",
    ),
    "compiled: 1 - y as it is rounded": Fault(
        "_numba/binary",
        "multiply_add(one - no - yes, min(-log_q, limit), loss)",
        "loss",
        f"{COMPILED}_binary.py::"
        "test_loss_of_a_probability_near_one_counts_all_of_one_minus_the_label[0.3]",
        "numba",
    ),
    "compiled: lost 1/N of the gradient": Fault(
        "_numba/blocks",
        "divisor != 1",
        "False",
        f"{FACTOR}[mean-logits]",
        "numba",
    ),
    "compiled: zero times infinity": Fault(
        "_numba/blocks",
        "w if w == 0 and abs(row[i]) == np.inf else w * row[i]",
        "w * row[i]",
        f"{COMPILED}_blocks.py::test_weight_zero_times_an_infinite_loss_is_zero_and_nan_stays",
        "numba",
    ),
    "compiled: last chunk forgotten": Fault(
        "_numba/blocks",
        "range(0, size, CHUNK)",
        "range(0, max(size - CHUNK, 1), CHUNK)",
        f"{COMPILED}_blocks.py::test_every_element_is_filled_weighed_and_divided[all-1025-3.0]",
        "numba",
    ),
    "compiled: NaN taken for a label": Fault(
        "_numba/blocks",
        "not (v >= 0 and v <= 1)",
        "v < 0 or v > 1",
        f"{COMPILED}_blocks.py::test_labels_out_of_range_are_counted[1-nan-float64]",
        "numba",
    ),
    "compiled: exp of a subnormal in one factor": Fault(
        "_numba/arithmetic",
        "2 * c.digits",
        "0",
        f"{COMPILED}_arithmetic.py::test_function_is_within_its_error_over_its_range[exp-float64]",
        "numba",
    ),
    "compiled: log of a subnormal": Fault(
        "_numba/arithmetic",
        "lifted if tiny else number(0)",
        "number(0)",
        f"{COMPILED}_arithmetic.py::test_function_is_within_its_error_over_its_range[log-float64]",
        "numba",
    ),
    "compiled: attention to the wrong side": Fault(
        "_numba/focal",
        "gamma * (no - yes)",
        "gamma * (yes - no)",
        f"{COMPILED}_focal.py::test_hard_labels_are_as_accurate_as_promised[gradient-float64-0.0-2.0]",
        "numba",
    ),
    "compiled: alpha for the other label": Fault(
        "_numba/focal",
        "options.alpha * yes + options.rest * no",
        "options.alpha * no + options.rest * yes",
        "test_focal.py::test_alpha_weighs_label_one_and_the_rest_label_zero[1.0]",
        "numba",
    ),
    "compiled: slope of the right class by a difference": Fault(
        "_numba/right_class",
        "e[1][right[j]] = -rest[j]",
        "e[1][right[j]] = of_right[j] - (rest[j] + of_right[j])",
        f"{CLASSES}::test_value_and_gradient_are_within_their_errors_whichever_class_is_right"
        "[3-float64]",
        "numba",
    ),
    "compiled: rounding error of a whole shift": Fault(
        "_numba/right_class",
        "-lost",
        "0.0",
        f"{COMPILED}_right_class.py::"
        "test_loss_and_slope_have_their_digits_whatever_the_shift[a shift that rounds]",
        "numba",
    ),
    "compiled: what the ratio of the exponentials loses": Fault(
        "_numba/right_class",
        "ratio - (one_more - 1.0) + lost",
        "ratio - (one_more - 1.0)",
        f"{COMPILED}_right_class.py::test_what_the_ratio_of_the_exponentials_loses_is_added[low]",
        "numba",
    ),
    "compiled: ignored rows counted": Fault(
        "_numba/categorical",
        "kept[j] = 0.0",
        "pass",
        f"{CLASSES}::{WEIGHED}[(101, 3)-1-index-none-float64]",
        "numba",
    ),
    "compiled: a class counted among the others": Fault(
        "_numba/categorical",
        "i > j",
        "i >= j",
        f"{CLASSES}::{WEIGHED}[(7, 187)-1-soft-none-float64]",
        "numba",
    ),
    "compiled: zero labels of impossible classes": Fault(
        "_numba/softmax",
        "0.0 if weight == 0.0 and abs(number) == np.inf else weight * number",
        "weight * number",
        f"{CLASSES}::test_rows_without_a_limit_are_nan_and_infinite_ones_have_it[soft-4]",
        "numba",
    ),
    "compiled: sum of infinite losses": Fault(
        "_numba/categorical",
        "exact if exact == exact else rounded",
        "exact",
        f"{CLASSES}::test_sum_of_losses_is_infinite_where_one_is_and_nan_where_one_is",
        "numba",
    ),
    "compiled: gradient of probabilities of no label": Fault(
        "_numba/categorical",
        "0.0 if a[k, j] == 0.0 else -a[k, j] / p[k, j]",
        "-a[k, j] / p[k, j]",
        f"{CLASSES}::test_impossible_class_without_a_label_has_no_gradient",
        "numba",
    ),
    "compiled: rounding error of the shift": Fault(
        "_numba/softmax",
        "two_sum(top, -z)[1]",
        "0.0",
        f"{COMPILED}_softmax.py::"
        "test_exponentials_and_their_sum_are_right_to_the_last_digits[300-float64]",
        "numba",
    ),
    "compiled: rounding errors of the sum": Fault(
        "_numba/softmax",
        "error[j] += lost",
        "pass",
        f"{COMPILED}_softmax.py::"
        "test_exponentials_and_their_sum_are_right_to_the_last_digits[0.3-float64]",
        "numba",
    ),
    "compiled: rounding error of a reduced argument": Fault(
        "_numba/arithmetic",
        "(exact - r) - small",
        "0.0",
        f"{COMPILED}_arithmetic.py::test_sum_s_exponential_is_within_its_error",
        "numba",
    ),
    "compiled: last tile taken for neighbours": Fault(
        "_numba/tiles",
        "count == lanes and base[lanes - 1] == base[0] + lanes - 1",
        "base[lanes - 1] == base[0] + lanes - 1",
        f"{COMPILED}_tiles.py::test_rows_are_copied_into_blocks_and_back[(30, 2, 7)-float64]",
        "numba",
    ),
    "compiled: rows beyond the last are stored": Fault(
        "_numba/tiles",
        "range(np.uint64(count))",
        "range(lanes)",
        f"{COMPILED}_tiles.py::test_lanes_beyond_the_last_row_are_not_stored",
        "numba",
    ),
    "compiled: kernels of an older version run": Fault(
        "_numba/compiler",
        "function.__qualname__ += f'_{_SOURCES}'",
        "pass",
        f"{COMPILED}_first_call.py::"
        "test_kernel_on_disk_is_not_used_once_any_module_has_changed[binary]",
        "numba",
    ),
}

# The judge of the judge: the copy must test its own package, and the same examples every time.
CONFTEST = """
from pathlib import Path

from hypothesis import settings

import companion
from tests.tables.engines import pytest_addoption, pytest_configure

assert Path(companion.__file__).is_relative_to(Path(__file__).parent)
settings.register_profile("copy", derandomize=True, deadline=None, database=None)
settings.load_profile("copy")
"""


def planted(source, old, new):
    """Return a module's source with one piece of code replaced: an expression or a statement.

    Code is compared as Python reads it, so neither its layout nor what stands beside it counts.
    """
    wanted, found = ast.dump(_piece(old)[0]), []

    class Planter(ast.NodeTransformer):
        def visit(self, node):
            if ast.dump(node) != wanted:
                return self.generic_visit(node)
            found.append(node)
            return _piece(new)[0] if isinstance(node, ast.expr) else _piece(new)

    tree = Planter().visit(ast.parse(source))
    assert len(found) == 1, f"{old!r} must stand once in the code, to be replaced: {len(found)}"
    return ast.unparse(ast.fix_missing_locations(tree))


def _piece(code):
    """Return the expression or the statements that this code is."""
    body = ast.parse(code).body
    return [body[0].value] if len(body) == 1 and isinstance(body[0], ast.Expr) else body


def copy_project(folder):
    """Copy what the named tests need, and nothing that starts a notebook."""
    skip = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "companion", folder / "companion", ignore=skip)
    shutil.copytree(ROOT / "tests" / "tables", folder / "tests" / "tables", ignore=skip)
    for name in {fault.test.partition("::")[0] for fault in FAULTS.values()}:
        for parent in [Path("tests", name).parent, Path("tests")]:
            (folder / parent).mkdir(exist_ok=True)
            (folder / parent / "__init__.py").touch()
        shutil.copy(ROOT / "tests" / name, folder / "tests" / name)
    shutil.copy(ROOT / "tests" / "torch_losses" / "conftest.py", folder / "tests" / "torch_losses")
    (folder / "conftest.py").write_text(CONFTEST, encoding="utf-8")


# A process for each run, forked from one that has imported what all tests import.
processes = multiprocessing.get_context("spawn" if sys.platform == "win32" else "forkserver")
processes.set_forkserver_preload(
    [
        "numpy",
        "numba",
        "torch",
        "sympy",
        "mpmath",
        "scipy.special",
        "sklearn.linear_model",
        "hypothesis",
    ]
)


def in_the_copy(folder, tests, engine, report):
    """Run tests in a copy, with nothing of pytest's but itself; leave with its exit status."""
    os.chdir(folder)
    os.environ |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "COLUMNS": "500"}
    sys.path[:] = [str(folder), *(path for path in sys.path if path not in ("", str(ROOT)))]
    for name in [name for name in sys.modules if name.partition(".")[0] == "tests"]:
        del sys.modules[name]  # those of the project, which this function came with
    with report.open("w", encoding="utf-8") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        options = ["-x", "-q", "-rf", "-p", "no:cacheprovider", "-W", "error", "--engine", engine]
        status = pytest.main([*options, *(f"tests/{test}" for test in tests)])
    os._exit(int(status))


def run(folder, *tests, engine):
    """Run tests in a copy and return (exit status, report)."""
    if engine == "numba":
        pytest.importorskip("numba")
    report = folder / "report.txt"
    process = processes.Process(target=in_the_copy, args=(folder, tests, engine, report))
    process.start()
    process.join(timeout=300)
    process.kill()
    return process.exitcode, report.read_text(encoding="utf-8")


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_planted_nothing_and_the_named_tests_pass(engine, tmp_path):
    copy_project(tmp_path)
    tests = {fault.test for fault in FAULTS.values() if fault.engine == engine}
    status, report = run(tmp_path, *sorted(tests), engine=engine)
    assert status == 0, report


def faulty(fault):
    """Return where the fault goes, and the module with it."""
    path = Path("companion", f"{fault.module}.py")
    return path, planted((ROOT / path).read_text(encoding="utf-8"), fault.old, fault.new)


@pytest.mark.parametrize("name", FAULTS)
def test_fault_has_its_one_place_in_the_code(name):
    faulty(FAULTS[name])


@pytest.mark.parametrize("name", FAULTS)
def test_planted_fault_makes_its_named_test_fail(name, tmp_path):
    test, engine = FAULTS[name].test, FAULTS[name].engine
    copy_project(tmp_path)
    path, source = faulty(FAULTS[name])
    (tmp_path / path).write_text(source, encoding="utf-8")
    status, report = run(tmp_path, test, engine=engine)
    assert status == 1, report  # a failed test; 2 and above mean that it did not run
    assert f"FAILED tests/{test}" in report, report
    assert "NameError" not in report, f"no fault, but code that cannot run: {report}"


def test_fault_is_planted_into_the_code_whatever_its_layout():
    source = "def f(a, b):\n    # a + b in words\n    return 2 * (a\n        + b)\n"
    assert planted(source, "a+b", "a - b") == "def f(a, b):\n    return 2 * (a - b)"
    assert planted(source, "return 2 * (a + b)", "c = a; return c") == (
        "def f(a, b):\n    c = a\n    return c"
    )


@pytest.mark.parametrize("old", ["a - b", "a", "a + b in words"])
def test_fault_that_has_no_place_or_several_is_refused(old):
    with pytest.raises(AssertionError, match="must stand once in the code"):
        planted("def f(a, b):\n    # a + b in words\n    return 2 * (a + b) + a\n", old, "0")
