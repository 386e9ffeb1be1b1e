"""Categorical cross-entropy: exact values, the K = 2 law, derivatives, labels, reductions."""

import re

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion import binary, categorical, engine, reference
from companion._numpy import blockwise
from companion._numpy.blockwise import BLOCK
from companion.elementary import softmax
from tests.tables.grids import worst_ulp
from tests.tables.right_class import exact as of_right_class

EPS = np.finfo(np.float64).eps
REDUCTIONS = ["none", "sum", "mean", "weighted_mean"]
EVERY_REDUCTION = pytest.mark.parametrize("reduction", REDUCTIONS)
SUFFIXES = ["", "_gradient", "_hessian", "_value_and_gradient"]
ON_LOGITS = [getattr(categorical, f"cross_entropy{suffix}") for suffix in SUFFIXES]
ON_PROBABILITIES = [
    getattr(categorical, f"cross_entropy_from_probabilities{suffix}") for suffix in SUFFIXES
]
value, gradient, hessian, value_and_gradient = ON_LOGITS


ROWS = [
    [0.0, 0.0],
    [0.0, 40.0],
    [-1e-300, 1e-8, 0.0],
    [0.1, 0.2, 0.3],
    [750.0, 0.1, -20.3],
    [-700.3, 20.7, 0.1, 19.9],
    [1e4, 1e4 - 0.3, 0.0],
    [3.0, 3.0, 3.0, -37.1],
    [*np.random.default_rng(0).normal(0, 30, 10)],
]


# The rows of the largest errors that searches found, and the class of each
WORST = [
    ([-78.31121775017142, 47.047037930735875, 43.58892456485364, 35.1284113801924], 1),
    ([8.776618084021576, -8.547093215772993, 7.430544989532035, -0.8751819015862428,
      -13.072488048452117, -17.89492658943853], 0),
    ([12.645655755131564, 14.67883788522068, -20.55941818134056, -15.874444451424207,
      -3.965238741960609, 4.3528000200613075, -7.941237680766487, -4.307319718040099,
      -4.065401991457206], 1),
    ([19.157243389348977, 12.353982989237132, 16.375612678773454, -1.3221283488504625,
      -19.681402233508145, 2.28714047640789, 10.61707616530136, -12.602697488228149,
      5.433501283276755, -11.19828400801535], 0),
    ([98.08055978721714, 61.3256526254047, 57.209375093755845], 0),
    ([158.42462686736798, 115.72335880525374, 95.91879389804144, 121.66341228631161,
      92.96382106020917, 117.84949711619367], 0),
    ([14.787388346279084, -21.950657338200646], 0),
    ([-256.75869325320497, -261.6469574507504], 0),
    ([-300.21123291080494, -302.95285181871657, -295.2962203325275], 2),
    ([997.6176135645252, 1002.3089357180769, 1003.5841658341201, 972.6882820079854], 2),
    ([-6.89700423078217, -10.193758167097991, -17.129859561563194, 16.148873166912658,
      -3.533207599817478, 9.88166452929399], 3),
    ([1006.0706585479118, 993.7041598091973, 998.832896603947, 1001.381299563333, 996.141721993165,
      1014.5744144982185, 989.2558949302609, 973.9802514751894], 5),
    ([-282.0170735111873, -296.0754406302845, -304.8728895861511, -299.1475170729049,
      -296.4805688380754, -295.3735311162781, -308.25771416466455, -271.37179666521024,
      -313.4650240189755, -294.3401804239434], 7),
]  # fmt: skip


@pytest.mark.parametrize(("row", "y"), WORST, ids=str)
def test_rows_that_a_search_found_are_as_accurate_as_promised(row, y):
    bound = 5.2 if engine.current() == "numpy" else 3.3
    assert worst_ulp(value(row, y), reference.cross_entropy(row, y)) <= bound


@pytest.mark.parametrize(
    ("right", "large", "small"),
    [
        (0, -16.63553233314044, -53.369815154597525),
        (-210.71508653590882, -223.19339214030228, -259.92819470731683),
    ],
)
def test_a_row_made_to_add_up_roundings_is_as_accurate_as_promised(right, large, small):
    # Eight classes just above half an ULP of the sum, which falls below a power of 2.
    row = [right, large, *[small] * 8]
    computed = value([row] * 2, [0, 0], reduction="none")
    bound = 12 if engine.current() == "numpy" else 2.5
    assert worst_ulp(computed, [reference.cross_entropy(row, 0)] * 2) <= bound


@pytest.mark.parametrize("k", range(2, 11))
def test_random_rows_are_as_accurate_as_promised(k):
    rng = np.random.default_rng(k)
    z = rng.normal(0, 1, (20, k)) * np.exp(rng.uniform(-4, 4, (20, 1)))
    y = np.where(np.arange(20) % 2, z.argmax(axis=1), rng.integers(0, k, 20))
    exact = [reference.cross_entropy(*row) for row in zip(z, y.tolist(), strict=True)]
    bound = 5.2 if engine.current() == "numpy" else 2.5
    assert worst_ulp(value(z, y, reduction="none"), exact) <= bound


@pytest.mark.parametrize("scale", [0.01, 1, 10, 100])
def test_many_narrow_classes_are_as_accurate_as_promised(scale):
    rng = np.random.default_rng(round(100 * scale))
    z, y = (scale * rng.normal(0, 1, (3, 200))).astype(np.float32), np.arange(3)
    y[0] = z[0].argmax()
    before, exact = z.copy(), [of_right_class(*row) for row in zip(z.tolist(), y, strict=True)]
    losses, slopes = [row[0] for row in exact], [row[1] for row in exact]
    bound = 6 if engine.current() == "numpy" else 0.51
    for reduction, factor in (("none", 1), ("mean", 3)):
        options = {"reduction": reduction}
        loss, slope = categorical.cross_entropy_value_and_gradient(z, y, **options)
        assert loss.dtype == slope.dtype == np.float32
        assert worst_ulp(loss, losses if factor == 1 else [mpmath.fsum(losses) / 3]) <= bound
        assert worst_ulp(slope, [[each / factor for each in row] for row in slopes]) <= bound + 2
        np.testing.assert_array_equal(value(z, y, **options), loss)
        np.testing.assert_array_equal(gradient(z, y, **options), slope)
    np.testing.assert_array_equal(z, before)


@pytest.mark.parametrize("name", ["weight", "sample_weight"])
def test_weights_of_many_narrow_classes_beyond_the_largest_float32(name):
    z, y = np.zeros((4, 200), np.float32), np.arange(4)
    weights = np.full(4 if name == "sample_weight" else 200, 3e38, np.float32)
    options = {name: weights, "reduction": "weighted_mean"}
    loss, slope = categorical.cross_entropy_value_and_gradient(20 + z, y, **options)
    plain = categorical.cross_entropy_value_and_gradient(z, y)
    np.testing.assert_allclose(loss, plain[0], rtol=4e-7)
    np.testing.assert_allclose(slope, plain[1], rtol=4e-7)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
@pytest.mark.parametrize("row", ROWS, ids=len)
def test_is_as_accurate_as_promised_whichever_class_is_right(row, dtype):
    z = np.array(row, dtype)
    bounds = (2, 2.5, 5) if dtype == np.float64 else (0.51, 0.51, 0.51)
    for y in range(len(z)):
        for function, bound in zip(ON_LOGITS[:3], bounds, strict=True):
            result = function(z, y, reduction="none")
            assert result.dtype == dtype
            exact = getattr(reference, function.__name__)(z, y)
            assert worst_ulp(result, exact) <= bound


# Two classes ------------------------------------------------------------------------------------

dyadic = st.integers(-(2**20), 2**20).map(lambda n: n / 2**10)  # differences are exact
BOTH_DTYPES = pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])


@BOTH_DTYPES
@EVERY_REDUCTION
@given(data=st.data())
def test_two_classes_are_the_binary_loss_of_the_difference(dtype, reduction, data):
    size = data.draw(st.integers(1, 6))
    numbers = st.integers(-(2**9), 2**9).map(lambda n: n / 2**4)
    pairs = np.array(data.draw(st.lists(st.tuples(numbers, numbers), min_size=size, max_size=size)))
    z = pairs.astype(dtype)
    difference = (z[:, 1] - z[:, 0]).astype(dtype)
    w = [data.draw(st.sampled_from([0.5, 1.0, 2.0])) for _ in range(2)]
    smoothing = data.draw(st.sampled_from([0.0, 0.25]))
    options = {"reduction": reduction, "label_smoothing": smoothing}
    hard = np.array(data.draw(st.lists(st.integers(0, 1), min_size=size, max_size=size)))
    soft = np.array(data.draw(st.lists(st.integers(0, 16), min_size=size, max_size=size))) / 16
    eps = np.finfo(dtype).eps
    for labels, y in [(hard, hard), (np.stack([1 - soft, soft], axis=-1).astype(dtype), soft)]:
        ours = {"weight": np.array(w, dtype)} | options
        theirs = {"weight": dtype(w[0]), "pos_weight": dtype(w[1] / w[0])} | options
        y = y.astype(dtype)
        loss = value(z, labels, **ours)
        # Each side is within 4 ULP of the same number, weights and sums included.
        np.testing.assert_allclose(
            loss,
            binary.binary_cross_entropy_with_logits(difference, y, **theirs),
            rtol=8 * eps,
            atol=1e-300 if dtype == np.float64 else np.finfo(dtype).smallest_subnormal,
        )
        g = binary.binary_cross_entropy_with_logits_gradient(difference, y, **theirs)
        h = binary.binary_cross_entropy_with_logits_hessian(difference, y, **theirs)
        absolute = 8 * eps * max(w)
        np.testing.assert_allclose(
            gradient(z, labels, **ours), np.stack([-g, g], -1), atol=absolute
        )
        np.testing.assert_allclose(
            hessian(z, labels, **ours),
            np.stack([np.stack([h, -h], -1), np.stack([-h, h], -1)], -2),
            rtol=16 * eps,
            atol=2 * np.finfo(dtype).tiny,
        )


@given(z=st.floats(-700, 700), y=st.integers(0, 1))
def test_two_classes_keep_the_digits_of_the_binary_gradient(z, y):
    expected = binary.binary_cross_entropy_with_logits_gradient(z, y)
    np.testing.assert_allclose(gradient([0.0, z], y), [-expected, expected], rtol=5 * EPS)


@given(p=st.integers(0, 2**20), y=st.integers(0, 1))
def test_two_probabilities_are_the_binary_loss_of_the_second(p, y):
    p = p / 2**20  # 1 - p is exact
    with np.errstate(all="raise"):
        ours = categorical.cross_entropy_from_probabilities([1 - p, p], y)
    assert ours == pytest.approx(binary.binary_cross_entropy(p, y), rel=5 * EPS, abs=0)


# Derivatives ------------------------------------------------------------------------------------


def draw(seed=0, shape=(4, 3, 5), axis=1):
    rng = np.random.default_rng(seed)
    rest = shape[:axis] + shape[axis + 1 :]
    logits = rng.normal(0, 2, shape)
    index = rng.integers(0, shape[axis], rest)
    soft = rng.random(shape)
    return logits, index, soft, rng.uniform(0.5, 2.0, shape[axis])


def in_torch(logits, labels, weight, smoothing, reduction, ignore_index=None):
    torch = pytest.importorskip("torch")  # late: it takes seconds, and most tests need none

    z = torch.tensor(logits, requires_grad=True)
    options = {} if ignore_index is None else {"ignore_index": ignore_index}
    loss = torch.nn.functional.cross_entropy(
        z,
        torch.tensor(labels),
        weight=None if weight is None else torch.tensor(weight),
        label_smoothing=smoothing,
        reduction=reduction,
        **options,
    )
    return z, loss


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", ["index", "soft"])
@pytest.mark.parametrize("reduction", ["none", "sum"])
def test_value_and_gradient_are_pytorch_s_at_a_comfortable_point(
    kind, weighted, smoothing, reduction
):
    logits, index, soft, weight = draw()
    labels = index if kind == "index" else soft
    weight = weight if weighted else None
    z, expected = in_torch(logits, labels, weight, smoothing, reduction)
    expected.sum().backward()
    options = {"weight": weight, "label_smoothing": smoothing, "axis": 1, "reduction": reduction}
    np.testing.assert_allclose(value(logits, labels, **options), expected.detach(), rtol=1e-13)
    np.testing.assert_allclose(gradient(logits, labels, **options), z.grad, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("kind", ["index", "soft"])
def test_hessian_is_pytorch_s_at_a_comfortable_point(kind, smoothing):
    torch = pytest.importorskip("torch")

    logits, index, soft, weight = draw(shape=(2, 4), axis=1)
    labels = index if kind == "index" else soft
    ours = hessian(logits, labels, weight=weight, label_smoothing=smoothing, reduction="none")

    def total(z):
        return torch.nn.functional.cross_entropy(
            z,
            torch.tensor(labels),
            weight=torch.tensor(weight),
            label_smoothing=smoothing,
            reduction="sum",
        )

    theirs = torch.autograd.functional.hessian(total, torch.tensor(logits)).numpy()
    for n in range(2):
        np.testing.assert_allclose(ours[n], theirs[n, :, n], rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("kind", ["index", "soft"])
def test_derivatives_in_the_probabilities_are_autograd_s(kind):
    torch = pytest.importorskip("torch")

    logits, index, soft, weight = draw(shape=(3, 4), axis=1)
    p = softmax(logits)
    q = np.eye(4)[index] if kind == "index" else soft
    labels = index if kind == "index" else soft

    def losses(p):
        return -(torch.tensor(weight) * torch.tensor(q) * torch.log(p)).sum(-1)

    x = torch.tensor(p, requires_grad=True)
    losses(x).sum().backward()
    options = {"weight": weight, "reduction": "none"}
    v, g = categorical.cross_entropy_from_probabilities_value_and_gradient(p, labels, **options)
    h = categorical.cross_entropy_from_probabilities_hessian(p, labels, **options)
    np.testing.assert_allclose(v, losses(x).detach(), rtol=1e-13)
    np.testing.assert_allclose(g, x.grad, rtol=1e-13)
    whole = torch.autograd.functional.hessian(lambda p: losses(p).sum(), x).numpy()
    for n in range(3):
        np.testing.assert_allclose(h[n], whole[n, :, n], rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("reduction", [*REDUCTIONS, "batchmean"])
@pytest.mark.parametrize("functions", [ON_LOGITS, ON_PROBABILITIES], ids=["logits", "p"])
def test_fused_pass_and_factor_of_the_reduction(functions, reduction):
    logits, index, soft, weight = draw()
    first = logits if functions is ON_LOGITS else softmax(logits, axis=1)
    for labels in (index, soft):
        options = {"weight": weight, "axis": 1}
        v, g = functions[3](first, labels, reduction=reduction, **options)
        np.testing.assert_array_equal(
            v, functions[0](first, labels, reduction=reduction, **options)
        )
        np.testing.assert_array_equal(
            g, functions[1](first, labels, reduction=reduction, **options)
        )
        mass = weight[index].sum() if labels is index else (weight[:, None] * soft).sum()
        divisor = {"none": 1, "sum": 1, "mean": index.size, "weighted_mean": mass}
        divisor = (divisor | {"batchmean": len(logits)})[reduction]
        each = functions[0](first, labels, reduction="none", **options)
        if reduction != "none":
            np.testing.assert_allclose(v, each.sum() / divisor, rtol=1e-14)
        for part in functions[1:3]:
            np.testing.assert_allclose(
                part(first, labels, reduction=reduction, **options),
                part(first, labels, reduction="none", **options) / divisor,
                rtol=1e-14,
            )


def test_batchmean_counts_the_rows_of_the_losses_first_axis_wherever_the_classes_are():
    logits, index, _, _ = draw(shape=(3, 4, 5), axis=0)
    total = value(logits, index, axis=0, reduction="sum")
    assert value(logits, index, axis=0, reduction="batchmean") == total / 4
    index[0, 0] = 7
    kept = value(logits, index, axis=0, ignore_index=7, reduction="sum")
    assert value(logits, index, axis=0, ignore_index=7, reduction="batchmean") == kept / 4
    for part in ON_LOGITS:
        with pytest.raises(ValueError, match="got one loss; use 'sum'"):
            part(logits[:, 0, 0], 1, reduction="batchmean")


def test_weighted_mean_is_scikit_learn_s_and_pytorch_s_mean_for_indices():
    log_loss = pytest.importorskip("sklearn.metrics").log_loss

    logits, index, _, weight = draw(shape=(50, 4), axis=1)
    ours = value(logits, index, weight=weight, reduction="weighted_mean")
    p = softmax(logits)
    theirs = log_loss(index, p, sample_weight=weight[index], labels=range(4))
    assert ours == pytest.approx(theirs, rel=1e-13, abs=0)
    assert ours == pytest.approx(
        in_torch(logits, index, weight, 0.0, "mean")[1].item(), rel=1e-13, abs=0
    )


@pytest.mark.parametrize("reduction", ["sum", "mean", "weighted_mean", "batchmean"])
@pytest.mark.parametrize("functions", [ON_LOGITS, ON_PROBABILITIES], ids=["logits", "p"])
def test_reduced_half_precision_is_float32_and_does_not_overflow_at_65504(functions, reduction):
    size = 100_000
    x, labels = np.full((size, 2), 0.5, np.float16), np.zeros(size, int)
    factor = size if reduction == "sum" else 1
    result, slopes = functions[3](x, labels, reduction=reduction)
    assert type(result) is type(functions[0](x, labels, reduction=reduction)) is np.float32
    assert result == pytest.approx(factor * np.log(2), rel=2**-23, abs=0)
    assert slopes.dtype == functions[2](x[:2], labels[:2]).dtype == np.float16
    each = functions[0](x[0], labels[0], reduction="none")
    assert type(each) is np.float16


# Weights of rows --------------------------------------------------------------------------------

ROW_WEIGHT = np.random.default_rng(2).integers(0, 4, (4, 5))
EVERY_FUNCTION = pytest.mark.parametrize(
    "function", [*ON_LOGITS, *ON_PROBABILITIES], ids=lambda f: f.__name__
)


def parts_of(function, first, labels, **options):
    """Return the results of a function as a list, the axis of the rows first in each."""
    results = function(first, labels, axis=1, **options)
    results = results if isinstance(results, tuple) else (results,)
    return [np.moveaxis(r, 1, -1) if r.shape == first.shape else r for r in results]


def spread(weight, result):
    """Return the weights of the rows with the axes that a derivative has more."""
    return weight.reshape(weight.shape + (1,) * (result.ndim - weight.ndim))


@pytest.mark.parametrize("kind", ["index", "soft"])
@EVERY_FUNCTION
@pytest.mark.parametrize("reduction", [*REDUCTIONS, "batchmean"])
def test_sample_weight_multiplies_its_row_in_every_reduction(function, kind, reduction):
    logits, index, soft, weight = draw()
    first = logits if function in ON_LOGITS else softmax(logits, axis=1)
    labels, q = (index, np.eye(3)[index].transpose(0, 2, 1)) if kind == "index" else (soft, soft)
    row_mass = (weight[:, np.newaxis] * q).sum(axis=1)
    divisor = {"none": 1, "sum": 1, "mean": index.size, "batchmean": len(index)}
    divisor["weighted_mean"] = (ROW_WEIGHT * row_mass).sum()
    options = {"weight": weight, "sample_weight": ROW_WEIGHT, "reduction": reduction}
    results = parts_of(function, first, labels, **options)
    each = parts_of(function, first, labels, weight=weight, reduction="none")
    for result, one in zip(results, each, strict=True):
        expected = one * spread(ROW_WEIGHT, one) / divisor[reduction]
        if result.ndim == 0:
            expected = expected.sum()
        # The weight, the division and sums of 20 numbers of one sign: a few roundings
        np.testing.assert_allclose(result, expected, rtol=1e-14)


@EVERY_FUNCTION
@pytest.mark.parametrize("reduction", ["sum", "weighted_mean"])
def test_integer_sample_weight_is_repetition(function, reduction):
    logits, index, _, weight = draw(shape=(30, 4), axis=1)
    first = logits if function in ON_LOGITS else softmax(logits)
    sample_weight = np.random.default_rng(3).integers(0, 4, 30)
    index[::7] = -100
    options = {"weight": weight, "ignore_index": -100, "reduction": reduction}
    once = function(first, index, sample_weight=sample_weight, **options)
    rows = np.repeat(np.arange(30), sample_weight)
    often = function(first[rows], index[rows], **options)
    once, often = (r if isinstance(r, tuple) else (r,) for r in (once, often))
    for a, b in zip(once, often, strict=True):
        if np.ndim(b):  # a derivative stands there as often as its row
            b = np.stack([b[rows == row].sum(axis=0) for row in range(30)])
        np.testing.assert_allclose(a, b, rtol=1e-13)


def test_weighted_mean_with_sample_weight_is_scikit_learn_s():
    log_loss = pytest.importorskip("sklearn.metrics").log_loss

    logits, index, _, _ = draw(shape=(50, 4), axis=1)
    sample_weight = np.random.default_rng(3).uniform(0, 3, 50)
    options = {"sample_weight": sample_weight, "reduction": "weighted_mean"}
    theirs = log_loss(index, softmax(logits), sample_weight=sample_weight, labels=range(4))
    assert value(logits, index, **options) == pytest.approx(theirs, rel=1e-13, abs=0)
    p = categorical.cross_entropy_from_probabilities(softmax(logits), index, **options)
    assert p == pytest.approx(theirs, rel=1e-13, abs=0)


def test_gradient_with_sample_weight_is_autograd_s():
    torch = pytest.importorskip("torch")

    logits, index, _, weight = draw(shape=(6, 4), axis=1)
    sample_weight = np.arange(6.0)
    z = torch.tensor(logits, requires_grad=True)
    losses = torch.nn.functional.cross_entropy(
        z, torch.tensor(index), weight=torch.tensor(weight), reduction="none"
    )
    (losses * torch.tensor(sample_weight)).mean().backward()
    ours = gradient(logits, index, weight=weight, sample_weight=sample_weight)
    np.testing.assert_allclose(ours, z.grad, rtol=1e-11, atol=1e-14)


def test_sample_weight_of_zero_leaves_out_an_infinite_loss_and_not_a_nan():
    z, p, y = [[-np.inf, 0.0], [0.0, 0.0]], [[0.0, 1.0], [0.5, 0.5]], [0, 0]
    options = {"sample_weight": [0, 2], "reduction": "none"}
    with np.errstate(all="raise"):
        for labels in (y, np.eye(2)[y]):
            np.testing.assert_array_equal(value(z, labels, **options), [0, 2 * np.log(2)])
            from_p = categorical.cross_entropy_from_probabilities_value_and_gradient
            losses, slopes = from_p(p, labels, **options)
            np.testing.assert_array_equal(losses, [0, 2 * np.log(2)])
            np.testing.assert_array_equal(slopes, [[0, 0], [-4, 0]])
            curvature = categorical.cross_entropy_from_probabilities_hessian(p, labels, **options)
            np.testing.assert_array_equal(curvature, [np.zeros((2, 2)), [[8, 0], [0, 0]]])
    assert value(z, y, sample_weight=[0, 2], reduction="weighted_mean") == np.log(2)
    assert np.isnan(value([[np.nan, 0.0]], [0], sample_weight=[0]))
    with pytest.raises(ValueError, match="positive sum of weights"):
        value(z, y, sample_weight=[0, 0], reduction="weighted_mean")


@pytest.mark.parametrize(
    ("sample_weight", "mended"),
    [
        (np.full((2, 1), 3.0), lambda w: w.reshape((2,))),
        (3.0, lambda w: np.full((2,), w)),
        ([3.0], lambda w: np.full((2,), w)),
    ],
)
def test_sample_weight_of_another_shape_is_refused_and_the_mend_is_right(sample_weight, mended):
    z, y = np.zeros((2, 3)), [0, 1]
    shape = re.escape(f"shape (2,), got {np.shape(sample_weight)}; pass ")
    with pytest.raises(ValueError, match=rf"^sample_weight: expected .*{shape}.*\(2,\)") as caught:
        value(z, y, sample_weight=sample_weight)
    names = {"numpy": np, "sample_weight": np.array(sample_weight)}
    follow = eval(str(caught.value).rpartition("; pass ")[2], names)
    np.testing.assert_array_equal(follow, mended(np.array(sample_weight)))
    assert value(z, y, sample_weight=follow) == pytest.approx(3 * np.log(3), rel=1e-15, abs=0)


def test_weights_of_rows_and_of_classes_point_to_each_other():
    z, y, rows, of_classes = np.zeros((2, 3)), [0, 1], [1.0, 2.0], [1.0, 2.0, 3.0]
    with pytest.raises(ValueError, match=r"^weight: .*; to weigh rows, pass sample_weight$"):
        value(z, y, weight=rows)
    with pytest.raises(ValueError, match=r"^sample_weight: .*; to weigh classes, pass weight$"):
        value(z, y, sample_weight=of_classes)


# Label smoothing in the probabilities -----------------------------------------------------------


@pytest.mark.parametrize("smoothing", [1e-20, 0.1, 1.0])
@pytest.mark.parametrize("kind", ["index", "soft"])
def test_smoothed_labels_of_probabilities_keep_their_digits(kind, smoothing):
    p = np.array([[1e-300, 0.25, 0.75], [1 - 2**-53, 1e-20, 2**-53], [0.5, 0.5, 1e-8]])
    index, soft, weight = np.array([2, 0, 0]), np.full((3, 3), 1 / 3), np.array([0.5, 1.0, 2.0])
    labels, q = (index, np.eye(3)[index]) if kind == "index" else (soft, soft)
    with mpmath.workdps(60):
        e = mpmath.mpf(smoothing)
        rows = range(3)
        a = [[w * ((1 - e) * y + e / 3) for w, y in zip(weight, q[n], strict=True)] for n in rows]
        exact = [-sum(a[n][k] * mpmath.log(p[n, k]) for k in rows) for n in rows]
        slopes = [[-a[n][k] / mpmath.mpf(p[n, k]) for k in rows] for n in rows]
    options = {"weight": weight, "label_smoothing": smoothing, "reduction": "none"}
    function, slope, curvature, fused = ON_PROBABILITIES
    # Smoothing, weight, logarithm, product and sum: a handful of roundings, none of them amplified
    assert worst_ulp(function(p, labels, **options), exact) <= 6
    assert worst_ulp(slope(p, labels, **options), slopes) <= 6
    diagonal = curvature(p[1:], labels[1:], **options)[:, range(3), range(3)]
    expected = [[-s / mpmath.mpf(x) for s, x in zip(*r, strict=True)]
                for r in zip(slopes[1:], p[1:].tolist(), strict=True)]  # fmt: skip
    assert worst_ulp(diagonal, expected) <= 6
    options["reduction"] = "weighted_mean"
    both = fused(p, labels, **options)
    with mpmath.workdps(60):
        mass = sum(map(sum, a))
        assert worst_ulp(both[0], [sum(exact) / mass]) <= 6
        assert worst_ulp(both[1], [[s / mass for s in row] for row in slopes]) <= 8


# Rows that are left out -------------------------------------------------------------------------


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@EVERY_REDUCTION
@pytest.mark.parametrize("ignore", [-100, 0, 2, 255])
def test_ignored_rows_are_as_if_they_were_not_there(ignore, reduction, smoothing):
    logits, index, _, weight = draw(shape=(6, 4), axis=1)
    labels = index.copy()
    left_out = np.array([True, False, False, True, False, True])
    labels[left_out] = ignore
    kept = labels != ignore  # a real class may be the one to ignore
    logits[0] = [np.nan, np.inf, 0.0, 1.0]  # what nobody asks about may be anything
    options = {"weight": weight, "label_smoothing": smoothing, "reduction": reduction}
    for part in ON_LOGITS[:3]:
        whole = part(logits, labels, ignore_index=ignore, **options)
        rest = part(logits[kept], labels[kept], **options)
        if part is value and reduction != "none":
            np.testing.assert_allclose(whole, rest, rtol=1e-14)
            continue
        np.testing.assert_array_equal(whole[~kept], 0)
        np.testing.assert_allclose(whole[kept], rest, rtol=1e-14)


def test_ignored_rows_are_pytorch_s_too():
    logits, index, _, weight = draw(shape=(6, 4), axis=1)
    index[[1, 4]] = -100
    options = {"weight": weight, "ignore_index": -100, "reduction": "weighted_mean"}
    _, theirs = in_torch(logits, index, weight, 0.0, "mean", -100)
    assert value(logits, index, **options) == pytest.approx(theirs.item(), rel=1e-13, abs=0)


def test_mean_of_ignored_rows_alone_is_refused():
    for reduction in ("mean", "weighted_mean"):
        with pytest.raises(ValueError, match="expected"):
            value(np.zeros((2, 3)), [7, 7], ignore_index=7, reduction=reduction)
    assert value(np.zeros((2, 3)), [7, 7], ignore_index=7, reduction="sum") == 0


# Ends -------------------------------------------------------------------------------------------


def test_infinite_logits_give_the_limit_and_no_warning():
    with np.errstate(all="raise"):
        assert value([np.inf, 0.0, -np.inf], 0) == 0
        assert value([np.inf, 0.0, -np.inf], 1) == np.inf
        assert value([0.0, -np.inf], 0) == 0
        assert value([0.0, -np.inf], 1) == np.inf
        assert value([1.0, -np.inf], [1.0, 0.0]) == 0
        assert value([1.0, -np.inf], [0.5, 0.5], weight=[1, 0]) == 0
        assert value([1e308, -1e308], 0) == 0
        assert value([1e308, -1e308], 1) == np.inf
        np.testing.assert_array_equal(gradient([np.inf, 0.0], 1), [1, -1])
        np.testing.assert_array_equal(gradient([np.inf, 0.0], 0), [0, 0])
        np.testing.assert_array_equal(hessian([np.inf, 0.0], 0), np.zeros((2, 2)))


@pytest.mark.parametrize("row", [[np.inf, np.inf, 0.0], [-np.inf, -np.inf], [np.nan, 0.0]])
def test_where_there_is_no_limit_the_result_is_nan_in_that_row_alone(row):
    beside = np.linspace(-1, 1, len(row))
    for function in ON_LOGITS[:3]:
        result = function([row, beside], [0, 1], reduction="none")
        assert np.isnan(result[0]).all()
        np.testing.assert_array_equal(result[1], function(beside, 1))


def test_certain_probabilities_cost_nothing_or_infinity():
    from_probabilities = categorical.cross_entropy_from_probabilities
    with np.errstate(all="raise"):
        assert from_probabilities([0.0, 1.0], 1) == 0
        assert from_probabilities([0.0, 1.0], 0) == np.inf
        assert from_probabilities([0.0, 1.0], [0.0, 0.3]) == 0
        assert categorical.cross_entropy_from_probabilities_gradient([0.0, 1.0], 0)[0] == -np.inf


# Laws -------------------------------------------------------------------------------------------


@given(seed=st.integers(0, 2**32 - 1), shift=dyadic)
def test_shift_of_all_logits_and_order_of_the_classes_change_only_roundings(seed, shift):
    rng = np.random.default_rng(seed)
    z = rng.integers(-1000, 1000, (3, 5)) / 64
    y = rng.integers(0, 5, 3)
    order = rng.permutation(5)
    # Each is within 12 ULP of the same number
    for same in (value(z + shift, y), value(z[:, order], np.argsort(order)[y])):
        np.testing.assert_allclose(same, value(z, y), rtol=24 * EPS, atol=0)


@given(seed=st.integers(0, 2**32 - 1))
def test_gradient_sums_to_zero_and_hessian_is_symmetric_semidefinite_with_null_vector_one(seed):
    rng = np.random.default_rng(seed)
    z, y = rng.normal(0, 5, (4, 6)), rng.integers(0, 6, 4)
    g, h = gradient(z, y, reduction="none"), hessian(z, y, reduction="none")
    np.testing.assert_allclose(g.sum(axis=-1), 0, atol=1e-15)
    np.testing.assert_array_equal(h, np.swapaxes(h, 1, 2))
    np.testing.assert_allclose(h.sum(axis=-1), 0, atol=1e-15)
    assert np.linalg.eigvalsh(h).min() > -1e-15
    np.testing.assert_array_equal(h, categorical.softmax_jacobian(z))


# Shapes, layouts, sizes -------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2, -3])
@pytest.mark.parametrize("function", [*ON_LOGITS, *ON_PROBABILITIES], ids=lambda f: f.__name__)
def test_any_axis_may_hold_the_classes(function, axis):
    logits, index, soft, weight = draw(shape=(4, 5, 3), axis=2)
    first = logits if function in ON_LOGITS else softmax(logits)
    for labels in (index, soft):
        expected = function(first, labels, weight=weight, reduction="none")
        moved = np.moveaxis(first, 2, axis)
        moved_labels = labels if labels is index else np.moveaxis(labels, 2, axis)
        result = function(moved, moved_labels, weight=weight, reduction="none", axis=axis)
        result, expected = (x if isinstance(x, tuple) else (x,) for x in (result, expected))
        for one, other in zip(result, expected, strict=True):
            is_gradient = one.shape == moved.shape
            np.testing.assert_array_equal(np.moveaxis(one, axis, 2) if is_gradient else one, other)


@pytest.mark.parametrize(
    ("shape", "axis"), [((2 * BLOCK + 5, 2), 1), ((3, 4, BLOCK + 7), 1), ((2, 70_000), 0)], ids=str
)
@pytest.mark.parametrize("workers", [1, 2, 3])
def test_many_rows_are_the_rows_one_by_one_whatever_the_workers(shape, axis, workers, monkeypatch):
    monkeypatch.setattr(blockwise, "SHARE", 1)  # so that little work has threads
    logits, index, soft, weight = draw(shape=shape, axis=axis)
    rng = np.random.default_rng(1)
    chosen = tuple(rng.integers(0, n, 40) for n in index.shape)
    last_z, last_soft = np.moveaxis(logits, axis, -1), np.moveaxis(soft, axis, -1)
    rows = rng.uniform(0, 2, index.shape)
    options = {"weight": weight, "reduction": "none"}
    for labels, some in ((index, index[chosen]), (soft, last_soft[chosen])):
        v, g = value_and_gradient(logits, labels, axis=axis, workers=workers, **options)
        few_v, few_g = value_and_gradient(last_z[chosen], some, **options)
        np.testing.assert_array_equal(v[chosen], few_v)
        np.testing.assert_array_equal(np.moveaxis(g, axis, -1)[chosen], few_g)
        mean = value(logits, labels, weight=weight, axis=axis, workers=workers)
        assert mean == value(logits, labels, weight=weight, axis=axis)
        np.testing.assert_allclose(mean, v.mean(), rtol=1e-13)
        weighted = {"sample_weight": rows, "reduction": "weighted_mean", "axis": axis}
        mean = value(logits, labels, workers=workers, **weighted)
        assert mean == value(logits, labels, **weighted)
        v = value(logits, labels, axis=axis, reduction="none")
        mass = rows if labels is index else rows * soft.sum(axis=axis)
        np.testing.assert_allclose(mean, (v * rows).sum() / mass.sum(), rtol=1e-13)


@pytest.mark.parametrize("shape", [(0, 3), (2, 0, 3)])
def test_no_rows_have_no_losses_the_sum_zero_and_no_mean(shape):
    z, y = np.zeros(shape), np.zeros(shape[:-1], int)
    assert value(z, y, reduction="none").shape == shape[:-1]
    assert gradient(z, y, reduction="none").shape == shape
    assert hessian(z, y, reduction="sum").shape == (*shape, 3)
    assert value(z, y, reduction="sum") == 0
    with pytest.raises(ValueError, match="at least one element"):
        value(z, y)


def test_one_class_costs_nothing_and_says_so():
    warns = pytest.warns(UserWarning, match=r"axis 1.* 0; .*binary_cross_entropy_with_logits")
    for labels, options in (([0, 0], {}), ([0, -100], {"ignore_index": -100})):
        with warns as caught:
            assert value([[3.0], [-2.0]], labels, **options) == 0
        assert caught[0].filename == __file__
    with warns:
        np.testing.assert_array_equal(gradient([[3.0]], [0]), [[0.0]])
    with warns:  # one channel, labels of the shape of the logits: BCE was meant
        assert value([[[0.4, -1.2, 2.0]]], [[[1.0, 0.0, 0.0]]], axis=1) == 0


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.uint64])
def test_class_indices_may_be_any_integers(dtype):
    logits, index, _, _ = draw(shape=(6, 4), axis=1)
    assert value(logits, index.astype(dtype)) == value(logits, index)


@pytest.mark.parametrize("bad", [-1, 3, 2**40])
def test_class_index_out_of_range_is_an_index_error_that_tells_where(bad):
    labels = np.array([[0, 1], [bad, 2]])
    with pytest.raises(IndexError, match=rf"from 0 to 2, got {bad} at index \(1, 0\) \(1 of 4"):
        value(np.zeros((2, 2, 3)), labels)


def test_index_error_counts_neither_what_is_ignored_nor_names_a_place_that_does_not_exist():
    with pytest.raises(IndexError, match=r"got 5 at index 1 \(1 of 3 outside\)"):
        value(np.zeros((3, 3)), [-100, 5, 0], ignore_index=-100)
    with pytest.raises(IndexError, match=r"got 5 \(1 of 1 outside\)"):
        value(np.zeros(3), 5)


@pytest.mark.parametrize(
    ("labels", "options", "error", "words"),
    [
        ([0.0, 1.0], {}, TypeError, r"integers.*labels.astype\(int\)"),
        ([True, False], {}, TypeError, "integers"),
        ([0, 1, 2], {}, ValueError, r"\(2,\).*\(2, 3\).*got \(3,\)"),
        (np.zeros((3, 2)), {}, ValueError, r"got \(3, 2\)"),
        (np.full((2, 3), 0.5), {"ignore_index": 0}, ValueError, "probabilities of 0"),
        ([0, 1], {"ignore_index": 1.0}, TypeError, "ignore_index"),
        ([0, 1], {"ignore_index": True}, TypeError, "ignore_index"),
        ([0, 1], {"weight": [1.0, 1.0]}, ValueError, r"weight: .*\(3,\), got \(2,\)"),
        ([0, 1], {"weight": 1.0}, ValueError, r"weight: .*got \(\)"),
        ([0, 1], {"weight": [1, -1, 1]}, ValueError, "weight: .*at least 0, got -1"),
        ([0, 1], {"weight": [0, 0, 0], "reduction": "weighted_mean"}, ValueError, "positive sum"),
        ([0, 1], {"axis": 2}, ValueError, "axis"),
        ([0, 1], {"axis": 1.0}, TypeError, "axis"),
    ],
)
def test_misfits_are_refused_with_a_way_to_mend_them(labels, options, error, words):
    with pytest.raises(error, match=words) as caught:
        value(np.zeros((2, 3)), labels, **options)
    assert type(caught.value) is error
    assert "; " in str(caught.value)
