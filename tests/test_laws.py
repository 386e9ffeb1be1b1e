"""The laws that every elementwise loss obeys, for every row of the table in tables/losses.py.

What only some losses promise (convex, symmetric, proper) is in test_facts.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from companion._numpy import blockwise
from tests.tables.losses import LOGITS, LOSSES, REDUCTIONS, draw

EVERY_LOSS = pytest.mark.parametrize("loss", LOSSES, ids=str)
EVERY_REDUCTION = pytest.mark.parametrize("reduction", REDUCTIONS)
HARD = [loss for loss in LOSSES if "label_smoothing" not in loss.options]
CONVEX = [loss for loss in LOSSES if loss.formula.convex]
PROPER = [loss for loss in LOSSES if loss.proper]
TWICE = [loss for loss in LOSSES if loss.hessian]
ON_LOGITS = [loss for loss in LOSSES if loss.argument == "logits"]

EPS = np.finfo(np.float64).eps
LARGE = 70_001  # several blocks, the last one short
labels_in_unit_interval = st.floats(0, 1)
shapes = st.lists(st.integers(1, 4), max_size=3).map(tuple)
seeds = st.integers(0, 2**32 - 1)


def arguments_of(loss):
    """Draw first arguments where the loss bends, and from its whole range, ends included."""
    low, high = loss.ends
    return st.floats(max(low, -12), min(high, 12)) | st.floats(low, high)


# Shape of the curve -----------------------------------------------------------------------------


@given(logits=st.floats(allow_nan=False))
def test_loss_of_logit_for_yes_is_bitwise_that_of_its_negative_for_no(logits):
    value = LOGITS.value
    assert value(logits, 1) == value(-logits, 0)


@pytest.mark.parametrize("loss", HARD, ids=str)  # a smoothed label has its least loss inside
@given(data=st.data())
def test_loss_rises_away_from_the_answer(loss, data):
    low, high = sorted(data.draw(st.tuples(arguments_of(loss), arguments_of(loss))))
    for label, nearer, farther in [(0, low, high), (1, high, low)]:
        # Monotone up to the rounding of the two values, 2 ULP each here; 5e-324 for subnormals.
        with np.errstate(over="ignore"):
            bound = loss.value(farther, label) * (1 + 5 * EPS) + 5e-324
        assert loss.value(nearer, label) <= bound


@pytest.mark.parametrize("loss", [loss for loss in CONVEX if loss.hessian], ids=str)
@given(data=st.data(), label=labels_in_unit_interval)
def test_hessian_of_a_convex_loss_is_never_negative(loss, data, label):
    assert loss.hessian(data.draw(arguments_of(loss)), label) >= 0


@pytest.mark.parametrize("label", [0.125, 0.5, 0.75])
@pytest.mark.parametrize("loss", PROPER, ids=str)
def test_least_loss_is_the_entropy_of_the_label_and_is_reached_at_the_label(loss, label):
    entropy = -(label * np.log(label) + (1 - label) * np.log1p(-label))
    first = label if loss.argument == "probabilities" else np.log(label) - np.log1p(-label)
    # 2 ULP of the loss and about as much of the entropy computed here
    np.testing.assert_allclose(loss.value(first, label), entropy, rtol=4 * EPS)
    assert abs(loss.gradient(first, label)) <= 4 * EPS  # logit(label) is rounded
    for step in (-0.1, 0.1):
        assert loss.value(first + step, label) > entropy


# Derivatives ------------------------------------------------------------------------------------


@EVERY_LOSS
def test_gradient_is_the_slope_of_the_value(loss):
    first, labels, _ = draw(loss, 200, seed=1)
    first[:20] = 0.5 if loss.ends == (0, 1) else 0.0  # |z| has its kink at 0
    h = 1e-5 if loss.ends != (0, 1) else 1e-5 * np.minimum(first, 1 - first)
    ahead, behind = (loss.value(x, labels, reduction="none") for x in (first + h, first - h))
    # Taylor's remainder, h²/6 times the third derivative, plus the rounding of the two values
    # (2 ULP each) and of first ± h (half an ULP each, times the slope), divided by 2h.
    slope = loss.gradient(first, labels, reduction="none")
    truncation = h**2 / 6 * loss.derivative_bound(3, first, labels)
    rounding = EPS * (2 * (ahead + behind) + np.abs(slope * first)) / (2 * h)
    error = np.abs((ahead - behind) / (2 * h) - slope)
    np.testing.assert_array_less(error, truncation + rounding + 4 * EPS)


@pytest.mark.parametrize("loss", TWICE, ids=str)
def test_hessian_is_the_slope_of_the_gradient(loss):
    first, labels, _ = draw(loss, 200, seed=2)
    h = 1e-5 if loss.ends != (0, 1) else 1e-5 * np.minimum(first, 1 - first)
    ahead, behind = (loss.gradient(x, labels, reduction="none") for x in (first + h, first - h))
    # As above; a gradient is within 3 ULP here, or with a soft label 3 ULP of 1 (or of pos_weight).
    curvature = loss.hessian(first, labels, reduction="none")
    truncation = h**2 / 6 * loss.derivative_bound(4, first, labels)
    size = np.abs(ahead) + np.abs(behind) + 2 * max(1, loss.options.get("pos_weight", 1))
    rounding = EPS * (3 * size + np.abs(curvature * first)) / (2 * h)
    error = np.abs((ahead - behind) / (2 * h) - curvature)
    np.testing.assert_array_less(error, truncation + rounding)


@EVERY_LOSS
@EVERY_REDUCTION
@pytest.mark.parametrize("weighted", [False, True], ids=["unweighted", "weighted"])
@pytest.mark.parametrize("size", [(), 7, (3, 4), LARGE], ids=str)
def test_value_and_gradient_agrees_exactly_with_its_parts(loss, size, weighted, reduction):
    first, labels, weight = draw(loss, size)
    options = {"reduction": reduction, "weight": weight if weighted else None}
    value, gradient = loss.value_and_gradient(first, labels, **options)
    np.testing.assert_array_equal(value, loss.value(first, labels, **options))
    np.testing.assert_array_equal(gradient, loss.gradient(first, labels, **options))


@EVERY_LOSS
@EVERY_REDUCTION
def test_reduced_derivative_is_the_elementwise_one_times_the_factor_of_the_reduction(
    loss, reduction
):
    first, labels, weight = draw(loss, (5, 6))
    total = _weight_applied(loss, labels, weight).sum()
    factor = {"none": 1, "sum": 1, "mean": 1 / 30, "weighted_mean": 1 / total}[reduction]
    for part in loss.functions[1:]:
        elementwise = part(first, labels, reduction="none") * weight
        reduced = part(first, labels, weight=weight, reduction=reduction)
        # Three more roundings (weight, factor, product) of half an ULP each, and the sum's
        np.testing.assert_allclose(reduced, elementwise * factor, rtol=8 * EPS, atol=0)


@EVERY_LOSS
@EVERY_REDUCTION
def test_derivative_in_a_scalar_argument_is_the_sum_over_the_labels(loss, reduction):
    first = loss.draw(np.random.default_rng(3))
    _, labels, weight = draw(loss, 50, seed=3)
    for part in loss.functions[1:]:
        options = {"weight": weight, "reduction": reduction}
        full = part(np.full(50, first), labels, **options)
        alone = part(first, labels, **options)
        if reduction == "none":
            np.testing.assert_array_equal(alone, full)
        else:
            assert np.ndim(alone) == 0
            # A sum of 50 numbers in float64: each is rounded, each partial sum too.
            np.testing.assert_allclose(alone, full.sum(), rtol=0, atol=50 * EPS * abs(full).sum())
        value, gradient = loss.value_and_gradient(first, labels, **options)
        assert np.array_equal(gradient, loss.gradient(first, labels, **options))
        assert np.array_equal(value, loss.value(first, labels, **options))


# Reductions and weights -------------------------------------------------------------------------


def _weight_applied(loss, labels, weight):
    """Return weight times what the options make of the smoothed label."""
    return weight * loss.label_weight(labels)


@EVERY_LOSS
@given(shape=shapes, seed=seeds)
def test_every_reduction_reduces_the_unreduced_losses(loss, shape, seed):
    first, labels, weight = draw(loss, shape, seed)
    losses = loss.value(first, labels, reduction="none")
    weighted = loss.value(first, labels, weight=weight, reduction="none")
    applied = _weight_applied(loss, labels, weight).sum()
    reduce = {r: loss.value(first, labels, weight=weight, reduction=r) for r in REDUCTIONS[1:]}
    # At most 64 numbers, all of one sign: a sum is off by at most 64 roundings of half an ULP.
    close = {"rtol": 64 * EPS, "atol": 0}
    np.testing.assert_allclose(weighted, losses * weight, rtol=2 * EPS, atol=0)
    np.testing.assert_allclose(reduce["sum"], np.sum(losses * weight), **close)
    np.testing.assert_allclose(reduce["mean"], np.sum(losses * weight) / losses.size, **close)
    np.testing.assert_allclose(reduce["weighted_mean"], np.sum(losses * weight) / applied, **close)
    assert loss.value(first, labels, weight=weight) == reduce["mean"], "the default is the mean"


@EVERY_LOSS
@pytest.mark.parametrize("weighted", [False, True], ids=["unweighted", "weighted"])
@pytest.mark.parametrize("shape", [(5,), (1, 7), (5, 6), (2, 3, 4), (3, LARGE // 3)], ids=str)
def test_batchmean_is_the_mean_over_rows_of_the_sum_over_labels(loss, shape, weighted):
    first, labels, weight = draw(loss, shape)
    options = {"weight": weight if weighted else None}
    value, *derivatives = (part(first, labels, reduction="none", **options)
                           for part in loss.functions)  # fmt: skip
    options["reduction"] = "batchmean"
    fused, gradient = loss.value_and_gradient(first, labels, **options)
    expected = value.reshape(len(value), -1).sum(axis=1).mean()
    # LARGE numbers of one sign in two orders; NumPy adds in pairs, so few roundings follow each
    for result in (loss.value(first, labels, **options), fused):
        np.testing.assert_allclose(result, expected, rtol=64 * EPS)
    for part, each in zip(loss.functions[1:], derivatives, strict=True):
        np.testing.assert_array_equal(part(first, labels, **options), each / shape[0])
    np.testing.assert_array_equal(gradient, derivatives[0] / shape[0])


@EVERY_LOSS
def test_batchmean_needs_an_axis_and_a_row(loss):
    first, labels = 0.5, np.ones((3, 4))
    wide = np.full(labels.shape, first)
    for part in loss.functions:
        with pytest.raises(ValueError, match=r"^reduction: .* got one loss; use 'sum'"):
            part(first, 1, reduction="batchmean")
        with pytest.raises(ValueError, match=r"^reduction: .*'batchmean', got an empty array"):
            part(np.zeros((0, 3)), np.zeros((0, 3)), reduction="batchmean")
        # One number for all labels has rows where the labels have them.
        np.testing.assert_allclose(
            part(first, labels, reduction="batchmean"),
            part(wide, labels, reduction="batchmean").sum(),
            rtol=12 * EPS,
        )
    assert loss.value(np.zeros((4, 0)), np.zeros((4, 0)), reduction="batchmean") == 0


@EVERY_LOSS
def test_weighted_mean_without_weight_is_the_mean_unless_the_options_weigh(loss):
    first, labels, _ = draw(loss, 40)
    mean, weighted = (
        loss.value(first, labels, reduction=reduction) for reduction in ("mean", "weighted_mean")
    )
    applied = _weight_applied(loss, labels, np.ones(40)).mean()
    np.testing.assert_allclose(weighted * applied, mean, rtol=80 * EPS)  # sums of 40 numbers
    if not loss.weighs_labels:
        assert weighted == mean


@EVERY_LOSS
@given(repeats=st.lists(st.integers(0, 4), min_size=1, max_size=12), seed=seeds)
def test_integer_weight_is_repetition(loss, repeats, seed):
    assume(any(repeats))
    first, labels, _ = draw(loss, len(repeats), seed)
    repeated = (np.repeat(first, repeats), np.repeat(labels, repeats))
    for reduction in ("sum", "weighted_mean"):
        once = loss.value(first, labels, weight=repeats, reduction=reduction)
        # At most 48 numbers of one sign are summed, twice
        often = loss.value(*repeated, reduction=reduction)
        np.testing.assert_allclose(once, often, rtol=100 * EPS)


@EVERY_LOSS
@EVERY_REDUCTION
def test_loss_does_not_depend_on_the_order_of_the_elements(loss, reduction):
    first, labels, weight = arguments = np.array(draw(loss, 333))
    order = np.random.default_rng(0).permutation(333)
    for part in loss.functions:
        result = part(first, labels, weight=weight, reduction=reduction)
        permuted = part(*arguments[:2, order], weight=weight[order], reduction=reduction)
        # The order of a sum of 333 numbers of one sign changes: at most one rounding for each.
        np.testing.assert_allclose(
            permuted, result[order] if np.ndim(result) else result, rtol=333 * EPS
        )


@EVERY_LOSS
def test_weight_of_zero_leaves_an_element_out_even_where_its_loss_is_infinite(loss):
    first = np.array([loss.ends[0], loss.draw(np.random.default_rng(0)), loss.ends[1]])
    labels, weight = np.array([1.0, 1.0, 0.0]), np.array([0.0, 2.0, 0.0])
    middle = loss.value(first[1], 1.0)
    np.testing.assert_array_equal(
        loss.value(first, labels, weight=weight, reduction="none"), [0, 2 * middle, 0]
    )
    for part in loss.functions[1:]:
        np.testing.assert_array_equal(
            part(first, labels, weight=weight, reduction="none"),
            [0, 2 * part(first[1], 1.0), 0],
        )
    assert loss.value(first, labels, weight=weight, reduction="sum") == 2 * middle


# Label smoothing and pos_weight -----------------------------------------------------------------


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.25, 1.0])
@pytest.mark.parametrize("pos_weight", [None, 2.5])
def test_label_smoothing_is_the_loss_of_smoothed_labels(smoothing, pos_weight):
    loss = LOGITS
    first, labels, _ = draw(loss, 60)
    smoothed = labels * (1 - smoothing) + smoothing / 2
    for part in loss.functions:
        options = {"pos_weight": pos_weight, "reduction": "none"}
        smooth = part(first, labels, label_smoothing=smoothing, **options)
        plain = part(first, smoothed, **options)
        # The smoothed label may be rounded twice in another order: EPS·|z| in the loss.
        np.testing.assert_allclose(smooth, plain, rtol=4 * EPS, atol=20 * EPS)


@pytest.mark.parametrize("function", LOGITS.functions, ids=["value", "gradient", "hessian"])
def test_pos_weight_multiplies_the_loss_of_label_one_alone(function):
    first, labels, pos_weight = draw(LOGITS, 60)
    weighted = function(first, labels, pos_weight=pos_weight, reduction="none")
    yes, no = (function(first, label, reduction="none") for label in (1, 0))
    expected = pos_weight * labels * yes + (1 - labels) * no
    # Each term is within 4 ULP and rounded thrice; the gradient is a difference of the two.
    size = pos_weight * labels * abs(yes) + (1 - labels) * abs(no)
    np.testing.assert_array_less(abs(weighted - expected), 8 * EPS * size)


# Broadcasting, layout, threads ------------------------------------------------------------------


@EVERY_LOSS
@EVERY_REDUCTION
def test_scalar_label_stands_for_a_full_array(loss, reduction):
    first, _, weight = draw(loss, (3, 5))
    for label in (0, True, 0.25, np.float64(0.25)):
        full = np.full((3, 5), label, dtype=float)
        options = {"weight": weight, "reduction": reduction}
        for part in (*loss.functions, loss.value_and_gradient):
            np.testing.assert_equal(part(first, label, **options), part(first, full, **options))


def _layouts(array):
    """Yield the same numbers in other memory layouts."""
    readonly = array.copy()
    readonly.flags.writeable = False
    wide = np.zeros((*array.shape[:-1], 2 * array.shape[-1]))
    wide[..., ::2] = array
    swapped = array.astype(array.dtype.newbyteorder())
    unaligned = np.frombuffer(b"\0" + array.tobytes(), np.uint8)[1:].view(array.dtype)
    yield "read-only", readonly
    yield "Fortran", np.asfortranarray(array)
    yield "strided", wide[..., ::2]
    yield "reversed", array[::-1, ::-1].copy()[::-1, ::-1]
    yield "transposed", array.T.copy().T
    yield "other byte order", swapped
    yield "unaligned", unaligned.reshape(array.shape)


@EVERY_LOSS
@EVERY_REDUCTION
def test_result_does_not_depend_on_the_memory_layout(loss, reduction):
    plain = draw(loss, (101, 350))  # more than one block
    for part in loss.functions:
        expected = part(*plain[:2], weight=plain[2], reduction=reduction)
        for arguments in zip(*map(_layouts, plain), strict=True):
            (name, first), (_, labels), (_, weight) = arguments
            result = part(first, labels, weight=weight, reduction=reduction)
            np.testing.assert_array_equal(result, expected, err_msg=name)
            result = part(plain[0], labels, weight=plain[2], reduction=reduction)
            np.testing.assert_array_equal(result, expected, err_msg=f"labels {name}")


@EVERY_LOSS
@EVERY_REDUCTION
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_result_does_not_depend_on_the_workers(loss, reduction, dtype, monkeypatch):
    monkeypatch.setattr(blockwise, "SHARE", 1)  # so that little work has threads
    first, labels, weight = (array.astype(dtype) for array in draw(loss, LARGE))
    for part in (*loss.functions, loss.value_and_gradient):
        expected, *others = (
            part(first, labels, weight=weight, reduction=reduction, workers=workers)
            for workers in (None, 1, 2, 3, -1)
        )
        for result in others:
            np.testing.assert_equal(result, expected)


@EVERY_LOSS
def test_several_threads_may_call_at_once(loss, monkeypatch):
    monkeypatch.setattr(blockwise, "SHARE", 1)  # so that little work has threads
    tasks = [draw(loss, size, seed) for seed, size in enumerate([10, 70_000, 131_072, 5] * 4)]

    def evaluate(task):
        first, labels, weight = task
        value, gradient = loss.value_and_gradient(first, labels, weight=weight)
        last = loss.functions[-1](first, labels, weight=weight, workers=2)
        return value, gradient.sum(), last.sum()

    alone = [evaluate(task) for task in tasks]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(evaluate, tasks)) == alone


@EVERY_LOSS
@pytest.mark.parametrize("size", [5, LARGE])
def test_arguments_are_never_written_to(loss, size):
    arguments = draw(loss, size)
    before = [array.copy() for array in arguments]
    first, labels, weight = arguments
    for part in (*loss.functions, loss.value_and_gradient):
        results = [part(first, labels, weight=weight, reduction=r, workers=2) for r in REDUCTIONS]
        for result in results:
            for array in result if isinstance(result, tuple) else [result]:
                assert not any(np.shares_memory(array, argument) for argument in arguments)
    for array, copy in zip(arguments, before, strict=True):
        np.testing.assert_array_equal(array, copy)


# Kinds of numbers -------------------------------------------------------------------------------

F16, F32, F64 = np.float16, np.float32, np.float64
# (dtype of the first argument, of the labels, of the weight, of the result)
DTYPES = [
    (F64, F64, F64, F64),
    (F32, F32, F32, F32),
    (F16, F16, F16, F16),
    (F32, F64, F32, F64),
    (F32, F32, F64, F64),
    (F16, F32, F16, F32),
    (F32, np.int64, np.uint8, F32),
    (F32, bool, np.int64, F32),
    (F16, np.int32, bool, F16),
    (bool, np.uint64, np.int8, F64),
    (np.int64, F32, bool, F32),
]


@EVERY_LOSS
@EVERY_REDUCTION
@pytest.mark.parametrize("dtypes", DTYPES, ids=lambda row: ",".join(np.dtype(d).name for d in row))
def test_result_has_the_widest_float_dtype_of_the_arguments(loss, dtypes, reduction):
    arguments = (np.ones((2, 3), dtype) for dtype in dtypes[:3])
    first, labels, weight = arguments
    for part in loss.functions:
        result = part(first, labels, weight=weight, reduction=reduction)
        if np.ndim(result):
            assert result.dtype == dtypes[3]
            assert result.shape == (2, 3)
    value = loss.value(first, labels, weight=weight, reduction=reduction)
    if reduction != "none":
        wide = {F16: F32}.get(dtypes[3], dtypes[3])
        assert type(value) is wide, "a reduced result is a NumPy scalar, of float32 at least"


@EVERY_LOSS
@EVERY_REDUCTION
def test_scalar_arguments_give_numpy_scalars(loss, reduction):
    for part in loss.functions:
        for first in (1, True, 0.5, np.float64(0.5), np.array(0.5)):
            assert type(part(first, 1, reduction=reduction)) is np.float64
        assert type(part(np.float32(0.5), 1, reduction=reduction)) is np.float32
        assert type(part(np.float32(0.5), 0.5, weight=2.0, reduction=reduction)) is np.float32


@EVERY_LOSS
def test_lists_tuples_and_ranges_are_arrays(loss):
    array = np.array([[0.0, 1.0], [1.0, 0.0]])
    for part in loss.functions:
        expected = part(array, 1 - array / 2, weight=array + 1)
        result = part([[0, 1], (True, False)], [(1.0, 0.5), [0.5, 1]], weight=[range(1, 3), [2, 1]])
        np.testing.assert_array_equal(result, expected)


@EVERY_LOSS
def test_sums_of_narrow_floats_run_in_float64(loss):
    # In float16 a running sum of ones stops at 2048, in float32 at 2²⁴.
    first, labels = np.full(5000, 0.5, F16), np.ones(5000, F16)
    # float16 is computed in float32, so these are the losses that are summed.
    losses = loss.value(first.astype(F32), labels.astype(F32), reduction="none").astype(F64)
    assert loss.value(first, labels, reduction="sum") == F32(losses.sum())
    assert loss.value(first, labels) == F32(losses.mean())


@EVERY_LOSS
def test_reduced_half_precision_is_float32_and_does_not_overflow_at_65504(loss):
    size = 1_000_000
    first, labels = np.full(size, 0.5, F16), np.ones(size, F16)
    one = loss.value(F16(0.5), F16(1), reduction="none")
    assert type(one) is F16
    total, gradient = loss.value_and_gradient(first, labels, reduction="sum")
    assert type(total) is type(loss.value(first, labels, reduction="sum")) is F32
    np.testing.assert_allclose(total, float(one) * size, rtol=np.finfo(F16).eps)
    assert total > 65504
    assert gradient.dtype == F16
    # One logit for all labels: its derivative is a sum too.
    for part in loss.functions[1:]:
        slope = part(F16(0.5), labels, reduction="sum")
        assert type(slope) is F32
        expected = size * float(part(F16(0.5), F16(1), reduction="none"))
        np.testing.assert_allclose(slope, expected, rtol=np.finfo(F16).eps)


# Edges ------------------------------------------------------------------------------------------


@EVERY_LOSS
@pytest.mark.parametrize("shape", [(0,), (0, 3), (4, 0)], ids=str)
def test_nothing_has_no_losses_the_sum_zero_and_no_mean(loss, shape):
    first = labels = np.empty(shape, F32)
    for part in loss.functions:
        assert part(first, labels, reduction="none").shape == shape
        for reduction, message in [
            ("mean", "element.*'mean'.*empty"),
            ("weighted_mean", "weights"),
        ]:
            with pytest.raises(ValueError, match=message):
                part(first, labels, reduction=reduction)
    total = loss.value(first, labels, reduction="sum")
    assert (total, type(total)) == (0, F32)
    value, gradient = loss.value_and_gradient(first, labels, reduction="sum")
    assert (value, gradient.shape, gradient.dtype) == (0, shape, F32)


@EVERY_LOSS
@EVERY_REDUCTION
@pytest.mark.parametrize("dtype", [F16, F32, F64])
def test_no_edge_of_the_range_raises_a_floating_point_warning(loss, reduction, dtype):
    info = np.finfo(dtype)
    edges = [*loss.ends, 0, 1, 0.5, info.tiny, info.smallest_subnormal, 1 - info.epsneg]
    if loss.argument == "logits":
        edges += [info.max, -info.max, 750, -750, 100, -100, 17, -17, -0.0, np.nan]
    first = np.repeat(np.array(edges, dtype), 3)
    labels = np.tile(np.array([0, 1, 0.3], dtype), len(edges))
    # Weighted losses overflow; the sum of the weights, which a weighted mean refuses, does not.
    weight = np.resize(np.array([0, 1, info.tiny, info.max / 2**10], dtype), first.size)
    with np.errstate(all="raise"):
        for part in (*loss.functions, loss.value_and_gradient):
            part(first, labels, weight=weight, reduction=reduction)
            for one, label in zip(first, labels, strict=True):
                part(one, label, reduction=reduction)


@EVERY_LOSS
def test_error_state_of_the_caller_is_left_as_it_was(loss):
    with np.errstate(divide="raise", over="warn", under="ignore", invalid="print"):
        before = np.geterr()
        loss.value_and_gradient(np.array([*loss.ends, 0.5]), [0.0, 1.0, 1.0], workers=2)
        assert np.geterr() == before


@pytest.mark.parametrize("loss", ON_LOGITS, ids=str)
def test_nan_logit_gives_nan(loss):
    first, labels = np.array([0.5, np.nan, 1.0]), np.array([0.0, 0.0, 1.0])
    for part in loss.functions:
        result = part(first, labels, reduction="none")
        assert np.isnan(result).tolist() == [False, True, False]
    assert np.isnan(loss.value(first, labels, reduction="sum"))
    # Weight 0 excuses an infinite loss, which is a number; NaN says that something went wrong.
    assert np.isnan(loss.value(np.nan, 0.0, weight=1.0))


@EVERY_LOSS
def test_wrong_answer_given_with_certainty_costs_infinity(loss):
    low, high = loss.ends
    assert loss.value(low, 1) == np.inf
    assert loss.value(high, 0) == np.inf
    assert loss.value([low, high, 0.5], [1, 1, 0]) == np.inf
    assert loss.value(low, 0.3) == loss.value(high, 0.3) == np.inf
    assert loss.gradient(low, 0.3) < 0 < loss.gradient(high, 0.3)


@pytest.mark.parametrize("loss", HARD, ids=str)
def test_right_answer_given_with_certainty_costs_nothing(loss):
    low, high = loss.ends
    for result in (loss.value(low, 0), loss.value(high, 1)):
        assert result == 0
        assert not np.signbit(result)
