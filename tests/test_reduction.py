"""RunningMean carries a mean across batches; the reductions themselves are laws in test_laws."""

import copy
import math
import pickle
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.binary import binary_cross_entropy_with_logits
from companion.reduction import REDUCTIONS, RunningMean, apply_weight, denominator

EPS = np.finfo(np.float64).eps
losses = st.floats(0, 1e100)
weights = st.floats(0, 1e100).filter(lambda weight: weight == 0 or weight > 1e-100)
batches = st.lists(st.tuples(losses, weights), max_size=8)
# A sum kept with its rounding error is right to far below an ULP and then rounded once; two such
# sums differ by one ULP at most.
ONE_ULP = {"rtol": EPS, "atol": 0}


def running(pairs):
    mean = RunningMean()
    for value, weight in pairs:
        mean.update(value, weight)
    return mean


def assert_same(one, other):
    np.testing.assert_allclose(one.sum, other.sum, **ONE_ULP)
    np.testing.assert_allclose(one.weight, other.weight, **ONE_ULP)


def test_there_are_five_reductions():
    assert REDUCTIONS == ("none", "sum", "mean", "weighted_mean", "batchmean")


def test_denominators_are_1_the_count_the_weight_and_the_length_of_the_first_axis():
    assert [denominator(r, 12, 5.5, (4, 3)) for r in REDUCTIONS] == [1, 1, 12, 5.5, 4]


@pytest.mark.parametrize(
    ("reduction", "arguments", "words"),
    [
        ("mean", (0, 0.0, (0, 3)), "'mean'.*empty.*'sum'"),
        ("batchmean", (0, 0.0, (0, 3)), "'batchmean'.*empty.*'sum'"),
        ("batchmean", (1, 1.0, ()), "at least one axis for 'batchmean', got one loss; use 'sum'"),
        ("weighted_mean", (3, 0.0, (3,)), "positive sum of weights"),
        ("weighted_mean", (3, math.inf, (3,)), "finite sum of weights"),
    ],
)
def test_mean_of_nothing_is_refused(reduction, arguments, words):
    with pytest.raises(ValueError, match=f"^reduction: expected .*{words}"):
        denominator(reduction, *arguments)


@given(a=batches, b=batches, c=batches)
def test_merge_is_associative_to_one_ulp(a, b, c):
    left = running(a).merge(running(b)).merge(running(c))
    right = running(a).merge(running(b).merge(running(c)))
    assert_same(left, right)


@given(a=batches, b=batches)
def test_merge_is_commutative_to_one_ulp(a, b):
    assert_same(running(a).merge(running(b)), running(b).merge(running(a)))


@given(a=batches, b=batches)
def test_merge_is_update_with_the_others_batches(a, b):
    assert_same(running(a).merge(running(b)), running(a + b))


@given(pairs=batches)
def test_sum_and_weight_are_those_of_exact_arithmetic_to_one_ulp(pairs):
    mean = running(pairs)
    # update multiplies each value by its weight, a rounding of half an ULP of each product
    np.testing.assert_allclose(mean.sum, math.fsum(v * w for v, w in pairs), **ONE_ULP)
    np.testing.assert_allclose(mean.weight, math.fsum(w for _, w in pairs), **ONE_ULP)


@pytest.mark.parametrize("merging", [False, True], ids=["update", "merge"])
def test_small_losses_are_not_lost_beside_a_large_one(merging):
    # A plain float sum would still be 1e16: 1e16 + 1 rounds to 1e16.
    mean = RunningMean().update(1e16)
    for _ in range(1000):
        mean.merge(RunningMean().update(1.0)) if merging else mean.update(1.0)
    assert mean.sum == 1e16 + 1000
    assert mean.weight == 1001


def test_small_weights_are_not_lost_beside_a_large_one():
    mean = RunningMean().update(1.0, weight=1e16)
    for _ in range(1000):
        mean.update(1.0, weight=1.0)
    assert (mean.weight, mean.mean) == (1e16 + 1000, 1.0)


@pytest.mark.parametrize("cuts", [[10], [1, 2, 50], [33, 66], [0, 100], [50, 50]], ids=str)
def test_batches_give_the_loss_of_the_concatenation(cuts):
    rng = np.random.default_rng(0)
    logits, labels, weight = rng.normal(0, 4, 100), rng.random(100), rng.uniform(0, 2, 100)
    plain, weighted = RunningMean(), RunningMean()
    for batch in np.split(np.arange(100), cuts):
        unreduced = binary_cross_entropy_with_logits(logits[batch], labels[batch], reduction="none")
        plain.update(unreduced)
        weighted.update(unreduced, weight[batch])
    # 100 positive numbers, summed in two orders: at most 100 roundings of half an ULP in each.
    close = {"rtol": 100 * EPS, "atol": 0}
    whole = binary_cross_entropy_with_logits(logits, labels)
    np.testing.assert_allclose(plain.mean, whole, **close)
    whole = binary_cross_entropy_with_logits(
        logits, labels, weight=weight, reduction="weighted_mean"
    )
    np.testing.assert_allclose(weighted.mean, whole, **close)


def test_what_two_means_lost_by_rounding_is_added_when_they_merge():
    mean, other = (RunningMean().update(1e16).update(1.0) for _ in range(2))
    assert mean.merge(other).sum == 2e16 + 2
    assert RunningMean().update(-1e16).merge(mean).merge(RunningMean().update(-1e16)).sum == 2


def test_batch_means_count_as_often_as_their_batches_are_long():
    batches = [np.array([1.0, 1.0, 1.0]), np.array([4.0])]
    mean = RunningMean()
    for batch in batches:
        mean.update(batch.mean(), weight=batch.size)
    assert mean.mean == np.concatenate(batches).mean() == 1.75
    assert np.mean([batch.mean() for batch in batches]) == 2.5, (
        "the mean of means is another number"
    )


def test_weight_repeats_over_the_values():
    values = np.arange(6.0).reshape(2, 3)
    for weight in (2, [1, 2, 3], [[1], [2]], np.ones((2, 3))):
        full = np.broadcast_to(np.asarray(weight, float), (2, 3))
        mean = RunningMean().update(values, weight)
        assert (mean.sum, mean.weight) == ((values * full).sum(), full.sum())


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int64, bool])
def test_values_of_any_dtype_are_summed_in_float64(dtype):
    mean = RunningMean().update(np.ones(70_000, dtype))
    assert (mean.sum, mean.weight, mean.mean) == (70_000, 70_000, 1)
    assert type(mean.sum) is type(mean.weight) is type(mean.mean) is float


def test_infinite_loss_stays_infinite():
    mean = RunningMean().update([np.inf, 1.0]).update(1.0)
    mean.merge(RunningMean().update(2.0)).update(np.inf)
    assert (mean.sum, mean.weight, mean.mean) == (np.inf, 5, np.inf)


def test_overflow_is_infinity_without_a_warning():
    with np.errstate(all="raise"):
        assert RunningMean().update([1e308, 1e308]).update(1.0).sum == np.inf
        assert RunningMean().update(1e308).update(1e308).sum == np.inf
        assert RunningMean().update(1e308, 1e308).sum == np.inf


def test_nan_loss_is_not_hidden():
    assert math.isnan(RunningMean().update([np.nan, 1.0]).update(1.0).mean)


def test_weight_of_zero_leaves_an_infinite_loss_out():
    mean = RunningMean().update([np.inf, 3.0], weight=[0, 2])
    assert (mean.sum, mean.weight) == (6, 2)


def test_update_and_merge_return_self_and_leave_the_others_alone():
    mean, other = RunningMean(), RunningMean().update(2.0)
    values = np.ones(3)
    assert mean.update(values) is mean
    assert mean.merge(other) is mean
    assert (other.sum, other.weight) == (2, 1)
    np.testing.assert_array_equal(values, np.ones(3))


def test_merge_with_itself_doubles():
    mean = RunningMean().update([1.0, 2.0])
    assert mean.merge(mean).sum == 6
    assert (mean.weight, mean.mean) == (4, 1.5)


@pytest.mark.parametrize("nothing", [[], 0], ids=["no values", "weight 0"])
def test_mean_of_nothing_is_a_value_error_but_its_sum_is_zero(nothing):
    mean = RunningMean()
    mean.update([]) if nothing == [] else mean.update(1.0, weight=0)
    assert (mean.sum, mean.weight) == (0, 0)
    with pytest.raises(ValueError, match=r"weight.*0"):
        mean.mean  # noqa: B018


@pytest.mark.parametrize(
    ("values", "weight", "kind", "message"),
    [
        ([1.0, 2.0], -1.0, ValueError, r"weight.*-1\.0"),
        ([1.0, 2.0], [1, np.nan], ValueError, "weight.*nan"),
        ([1.0, 2.0], np.inf, ValueError, "weight.*inf"),
        ([1.0, 2.0], [1, 2, 3], ValueError, r"weight.*\(2,\).*\(3,\)"),
        (1.0, [1, 2], ValueError, r"weight.*\(\).*\(2,\)"),
        (["1"], None, TypeError, "values.*<U1"),
        ([1j], None, TypeError, "values.*complex"),
        (np.ma.masked_array([1.0]), None, TypeError, "values.*masked"),
        ([1.0], "2", TypeError, "weight.*str"),
        ([[1.0], [1.0, 2.0]], None, ValueError, "values.*ragged"),
    ],
)
def test_bad_update_is_refused_and_leaves_the_mean_unchanged(values, weight, kind, message):
    mean = RunningMean().update(3.0)
    with pytest.raises(kind, match=message):
        mean.update(values, weight)
    assert (mean.sum, mean.weight) == (3, 1)


@pytest.mark.parametrize("merging", [False, True])
def test_sum_of_weights_that_overflows_is_refused_and_leaves_the_mean_unchanged(merging):
    mean, heavy = RunningMean().update(0.5, 1e308), RunningMean().update(1.0, 1e308)
    with pytest.raises(ValueError, match=r"weight.*inf; scale the weights down"):
        mean.merge(heavy) if merging else mean.update([1.0, 2.0], 1e308)
    assert (mean.weight, mean.mean) == (1e308, 0.5)


def test_threads_may_share_an_accumulator():
    mean, rounds = RunningMean(), 3000
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            for _ in range(8):
                pool.submit(lambda: [mean.update([1.0, 3.0]) for _ in range(rounds)])
    finally:
        sys.setswitchinterval(before)
    assert (mean.weight, mean.mean) == (8 * rounds * 2, 2)


def test_accumulator_is_sent_to_other_machines():
    mean = pickle.loads(pickle.dumps(RunningMean().update([1.0, 2.0])))
    assert copy.deepcopy(mean).update(3.0).mean == 2


@pytest.mark.parametrize("other", [1.0, (2.0, 1), None], ids=str)
def test_merge_with_a_number_is_a_type_error_that_points_to_update(other):
    with pytest.raises(TypeError, match=r"other.*RunningMean.*update"):
        RunningMean().merge(other)


def test_representation_shows_sum_and_weight():
    assert repr(RunningMean().update([1.0, 2.0])) == "RunningMean(sum=3.0, weight=2.0)"


def test_weight_0_excuses_an_infinite_loss_and_not_a_nan():
    losses = np.array([np.inf, -np.inf, np.nan, 2.0, np.nan])
    with np.errstate(invalid="ignore"):
        apply_weight(losses, np.array([0.0, 0.0, 0.0, 0.0, 1.0]))
    np.testing.assert_array_equal(losses, [0, 0, np.nan, 0, np.nan])
