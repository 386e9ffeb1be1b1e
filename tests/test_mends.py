"""Every mend is followed: the arguments that a refusal names give the number that was meant."""

import re
from decimal import Decimal
from functools import partial

import numpy as np
import pytest
from scipy.sparse import csr_array

import companion
from companion.logistic_regression import fit_logistic_regression

LOGITS = np.array([0.3, -1.0, 2.0, 0.5])
KNOWN = np.array([True, True, False, True])


def refusal(function, **arguments):
    """Return the message with which a call is refused."""
    with pytest.raises((TypeError, ValueError)) as caught:
        function(**arguments)
    return str(caught.value)


def mended(message, words, **arguments):
    """Return the arguments after the message's mend, or None where it sends elsewhere."""
    found = re.search(rf"if (?:they are )?{words}[^:]*: (.*?)(?:, if |$)", message)
    assert found, message
    if not found[1].startswith("pass "):
        return None
    names = {"numpy": np, **arguments}
    return arguments | eval(f"dict({found[1].removeprefix('pass ')})", names)


def assert_readings(function, readings, **call):
    """The refusal names these readings and no other, and each mend gives the loss that it means."""
    message = refusal(function, **call)
    assert message.count("if ") == len(readings), message
    for words, expected in readings.items():
        call_mended = mended(message, words, **call)
        if expected is None:
            assert call_mended is None
        else:
            np.testing.assert_allclose(float(function(**call_mended)), expected, rtol=1e-12)


def loss_of(labels, logits=LOGITS):
    """The mean loss by its definition, in float64: log(1 + exp(±z)) weighed by the labels."""
    labels = np.asarray(labels, float)
    return np.mean(labels * np.log1p(np.exp(-logits)) + (1 - labels) * np.log1p(np.exp(logits)))


# labels, and for each reading that the refusal names: its words, and the loss that was meant
LABELLED = {
    "signs": ([1, -1, 1, 1], {"signs": loss_of([1, 0, 1, 1])}),
    "one sign, or none known": (
        [-1, -1, -1, -1],
        {"signs": loss_of([0, 0, 0, 0]), "-1 marks": 0},
    ),
    "-100 alone": ([-100, -100, -100, -100], {"-100 marks": 0}),
    "NaN alone": ([np.nan] * 4, {"NaN marks": 0}),
    "-1 for unknown": ([1, 0, -1, 1], {"-1 marks": loss_of([1, 0, 1], LOGITS[KNOWN])}),
    "-1 beside soft labels": ([1, 0.25, -1, 1], {"-1 marks": loss_of([1, 0.25, 1], LOGITS[KNOWN])}),
    "-100 for unknown": ([1, 0, -100, 1], {"-100 marks": loss_of([1, 0, 1], LOGITS[KNOWN])}),
    "255 for unknown": ([1, 0, 255, 1], {"255 marks": loss_of([1, 0, 1], LOGITS[KNOWN])}),
    "NaN for unknown": ([1, 0, np.nan, 1], {"NaN marks": loss_of([1, 0, 1], LOGITS[KNOWN])}),
    "0 and 255": (
        [255, 0, 255, 255],
        {"two labels": loss_of([1, 0, 1, 1]), "255 marks": loss_of([0], LOGITS[1])},
    ),
    "-1 and 0": (
        [0, 0, -1, 0],
        {"two labels": loss_of([1, 1, 0, 1]), "-1 marks": loss_of([0, 0, 0], LOGITS[KNOWN])},
    ),
    "1 and 2": ([1, 2, 2, 1], {"two labels": loss_of([0, 1, 1, 0])}),
    "0 and 2": ([0, 2, 2, 0], {"two labels": loss_of([0, 1, 1, 0])}),
    "0.5 and 1.5": ([0.5, 1.5, 1.5, 0.5], {"two labels": loss_of([0, 1, 1, 0])}),
    "rounding": ([0.2, 1 + 2.0**-23, 0.7, 0], {"rounding": loss_of([0.2, 1, 0.7, 0])}),
    "per cent": ([20.5, 100, 0, 75], {"per cent": loss_of([0.205, 1, 0, 0.75])}),
    "pixels": ([0, 51, 255, 204], {"pixels": loss_of([0, 0.2, 1, 0.8]), "class indices": None}),
    "white, or none known": (
        [255, 255, 255, 255],
        {"pixels": loss_of([1, 1, 1, 1]), "255 marks": 0},
    ),
    "classes": ([0, 1, 2, 1], {"class indices": None}),
    "classes or per cent": (
        [20, 100, 0, 75],
        {"per cent": loss_of([0.2, 1, 0, 0.75]), "class indices": None},
    ),
}


@pytest.mark.parametrize("kind", [np.array, list])
@pytest.mark.parametrize("case", LABELLED)
def test_mend_of_labels_gives_the_loss_that_was_meant(case, kind):
    labels, readings = LABELLED[case]
    labels = kind(labels)
    function = companion.binary_cross_entropy_with_logits
    call = {"logits": LOGITS, "labels": labels}
    assert_readings(function, readings, **call)


def test_mark_is_left_out_by_the_trainer():
    features = np.array([[0.0], [1.0], [2.0], [3.0], [4.0]])
    call = {"features": features, "labels": np.array([0, 1, 0, -1, 1])}
    message = refusal(fit_logistic_regression, **call)
    fit = fit_logistic_regression(**mended(message, "-1 marks", **call))
    known = fit_logistic_regression(features[[0, 1, 2, 4]], [0, 1, 0, 1])
    np.testing.assert_allclose(fit.coefficients, known.coefficients, rtol=1e-9)


def test_nothing_known_is_nothing_to_fit():
    call = {"features": np.array([[0.0], [1.0]]), "labels": np.array([-1, -1])}
    message = refusal(fit_logistic_regression, **call)
    assert "if they are signs" in message
    assert message.endswith(
        "if -1 marks what is unknown, nothing is known and there is nothing to fit"
    )


def test_nothing_known_has_no_derivatives():
    call = {"probabilities": np.array([0.5, 0.25]), "labels": np.array([-1, -1])}
    function = companion.binary_cross_entropy_jacobian
    result = function(**mended(refusal(function, **call), "-1 marks", **call))
    np.testing.assert_array_equal(result, np.zeros((2, 2)))


def test_no_known_row_of_classes_sums_to_nothing():
    call = {"logits": np.ones((2, 3)), "labels": -np.ones((2, 3))}
    function = companion.cross_entropy
    assert function(**mended(refusal(function, **call), "-1 marks", **call)) == 0


def test_one_label_for_all_is_no_row_of_marks():
    message = refusal(companion.binary_cross_entropy_with_logits, logits=LOGITS, labels=-1.0)
    assert "signs" in message
    assert "marks" not in message


def test_mark_is_left_out_by_the_jacobian():
    call = {"probabilities": np.array([0.5, 0.25, 0.5]), "labels": np.array([1, -1, 0])}
    function = companion.binary_cross_entropy_jacobian
    result = function(**mended(refusal(function, **call), "-1 marks", **call))
    np.testing.assert_array_equal(result, np.diag([-2.0, 0, 2]))


def test_mark_is_left_out_by_rows_of_classes():
    logits, labels = np.array([[1.0, 0.0], [0.5, 2.0]]), np.array([[0.0, 1.0], [-1, -1]])
    call = {"logits": logits, "labels": labels}
    result = companion.cross_entropy(
        **mended(refusal(companion.cross_entropy, **call), "-1", **call)
    )
    np.testing.assert_allclose(result, np.log1p(np.exp(1.0)), rtol=1e-12)


PROBABILITIES = {
    "one ULP above 1": (np.float32([0.2, 1 + 2.0**-23]), [0.2, 1], "rounding"),
    "as float64": (np.array([0.2, 1.0000001]), [0.2, 1], "rounding"),
    "float16": (np.float16([0.25, 1.001]), [0.25, 1], "rounding"),
    "per cent": (np.array([20.0, 70.0, 5.0, 90.5]), [0.2, 0.7, 0.05, 0.905], "per cent"),
    "pixels": (np.array([0, 51, 255], np.uint8), [0, 0.2, 1], "pixels"),
}


@pytest.mark.parametrize("kind", [np.array, list])
@pytest.mark.parametrize("case", PROBABILITIES)
def test_mend_of_probabilities_gives_the_loss_that_was_meant(case, kind):
    given, meant, words = PROBABILITIES[case]
    call = {"probabilities": kind(given), "labels": np.zeros(len(given))}
    call["labels"][np.array(meant) == 1] = 1
    message = refusal(companion.binary_cross_entropy, **call)
    expected = -np.mean(np.log(np.where(call["labels"] == 1, meant, 1 - np.array(meant))))
    result = companion.binary_cross_entropy(**mended(message, words, **call))
    np.testing.assert_allclose(result, expected, rtol=1e-6 if given.dtype != float else 1e-12)


@pytest.mark.parametrize(
    "logits", [LOGITS, [2.0, 0.5, 3.0, 1.0], [0.0, 30.0, np.inf, 1.0]], ids=str
)
def test_logits_among_probabilities_are_sent_to_the_functions_for_logits(logits):
    for function, name in [
        (companion.binary_cross_entropy, "_with_logits"),
        (companion.cross_entropy_from_probabilities, "call cross_entropy"),
    ]:
        message = refusal(function, probabilities=np.array(logits), labels=np.ones(4))
        assert re.search(f"logits: .*{name}", message), message


def test_nan_among_probabilities_is_no_reading():
    call = {"probabilities": np.array([0.5, np.nan]), "labels": np.ones(2)}
    assert "find where it comes from" in refusal(companion.binary_cross_entropy, **call)


# What is no array of real numbers, and the numbers that were meant
CONVERTED = {
    "objects": (np.array([1, 0, True], object), [1, 0, 1]),
    "Decimal": ([Decimal(1), Decimal("0.25"), Decimal(0)], [1, 0.25, 0]),
    "longdouble": (np.array([1, 0, 1], np.longdouble), [1, 0, 1]),
    "numbers as text": (["1", "0", "0.5"], [1, 0, 0.5]),
    "complex": (np.array([1, 0, 1], complex), [1, 0, 1]),
    "sparse": (csr_array(np.array([[1.0, 0.0, 1.0]])), [[1, 0, 1]]),
}
MADE_ONCE = {
    "generator": (lambda: (x for x in [1.0, 0.0]), [1, 0]),
    "map": (lambda: map(float, [1, 0]), [1, 0]),
    "values of a dictionary": (lambda: {"a": 1.0, "b": 0.0}.values(), [1, 0]),
    "dictionary": (lambda: {"a": 1.0, "b": 0.0}, [1, 0]),
}


def converted(message, labels):
    code = re.search(r"; pass (.*?)(?: if .*)?$", message)[1]
    return eval(code, {"numpy": np, "labels": labels})


@pytest.mark.parametrize("case", [*CONVERTED, *MADE_ONCE])
def test_mend_of_what_is_no_array_makes_the_numbers_that_were_meant(case):
    make, meant = MADE_ONCE.get(case) or (lambda: CONVERTED[case][0], CONVERTED[case][1])
    if case == "longdouble" and np.finfo(np.longdouble).eps == np.finfo(np.float64).eps:
        pytest.skip("longdouble is float64 here")
    labels = make()
    message = refusal(companion.binary_cross_entropy_with_logits, logits=0.0, labels=labels)
    np.testing.assert_array_equal(converted(message, labels), meant)


def test_missing_objects_become_nan_and_then_are_left_out():
    labels = np.array([1, None, 0], object)
    call = {"logits": LOGITS[:3], "labels": labels}
    message = refusal(companion.binary_cross_entropy_with_logits, **call)
    assert "leave out what is missing" in message
    call["labels"] = np.array(labels, dtype=float)
    message = refusal(companion.binary_cross_entropy_with_logits, **call)
    result = companion.binary_cross_entropy_with_logits(**mended(message, "NaN marks", **call))
    np.testing.assert_allclose(result, loss_of([1, 0], LOGITS[[0, 2]]), rtol=1e-12)


class Masks:
    """Makes a masked array of itself when asked for an array."""

    def __array__(self, dtype=None, copy=None):
        return np.ma.array([1.0, -50.0, 1.0], mask=[0, 1, 0])


@pytest.mark.parametrize("depth", range(4))
def test_mask_and_tensor_are_found_at_any_depth(depth):
    torch = pytest.importorskip("torch")
    for value in (np.ma.array([1.0, -50.0], mask=[0, 1]), torch.tensor(1.0), Masks()):
        if depth and isinstance(value, Masks):
            continue  # a list of such objects is a list of arrays to NumPy
        nested = value
        for _ in range(depth):
            nested = [nested]
        message = refusal(companion.binary_cross_entropy_with_logits, logits=nested, labels=1.0)
        assert re.search("masked|torch", message), message


def test_list_that_holds_itself_is_refused():
    endless = []
    endless.append(endless)
    refusal(companion.binary_cross_entropy_with_logits, logits=endless, labels=1.0)


def test_mend_of_a_masked_array_leaves_its_elements_out():
    labels = np.ma.array([1, 0, -9, 1], mask=[0, 0, 1, 0])
    call = {"logits": LOGITS, "labels": labels}
    message = refusal(companion.binary_cross_entropy_with_logits, **call)
    filled, weight = re.search(r"pass (.*?), and .* out (.*)$", message).groups()
    call = eval(f"dict(logits=logits, labels={filled}, {weight})", {"numpy": np, **call})
    result = companion.binary_cross_entropy_with_logits(**call)
    np.testing.assert_allclose(result, loss_of([1, 0, 1], LOGITS[KNOWN]), rtol=1e-12)


def reshaped(message, **call):
    return call | eval(f"dict({re.search('; of .* pass (.*)$', message)[1]})", call.copy())


def test_two_columns_of_probabilities_become_one():
    call = {"probabilities": np.array([[0.8, 0.2], [0.1, 0.9], [0.4, 0.6]]), "labels": [0, 1, 1]}
    message = refusal(companion.binary_cross_entropy, **call)
    result = companion.binary_cross_entropy(**reshaped(message, **call))
    np.testing.assert_allclose(result, -np.mean(np.log([0.8, 0.9, 0.6])), rtol=1e-12)


def test_two_columns_of_logits_become_their_difference():
    call = {"logits": np.array([[0.3, 1.2], [2.0, -1.0]]), "labels": np.array([1, 0])}
    message = refusal(companion.binary_cross_entropy_with_logits, **call)
    result = companion.binary_cross_entropy_with_logits(**reshaped(message, **call))
    np.testing.assert_allclose(result, loss_of([1, 0], np.array([0.9, -3.0])), rtol=1e-12)


def test_one_hot_labels_become_those_of_label_one():
    call = {"logits": LOGITS, "labels": np.array([[0, 1], [1, 0], [0, 1], [1, 0]])}
    message = refusal(companion.binary_cross_entropy_with_logits, **call)
    result = companion.binary_cross_entropy_with_logits(**reshaped(message, **call))
    np.testing.assert_allclose(result, loss_of([1, 0, 1, 0]), rtol=1e-12)


@pytest.mark.parametrize("kind", [np.array, list])
@pytest.mark.parametrize("name", ["weight", "pos_weight"])
def test_two_weights_become_one_for_each_label(name, kind):
    labels = kind([1, 0, 0, 1])
    call = {"logits": LOGITS, "labels": labels, name: np.array([2.0, 5.0])}
    message = refusal(companion.binary_cross_entropy_with_logits, **call)
    given = call.pop(name)
    code = re.search("for two labels pass (.*)$", message)[1]
    call |= eval(f"dict({code})", {"numpy": np, "labels": labels, name: given})
    each = [loss_of(labels[i : i + 1], LOGITS[[i]]) for i in range(4)]
    expected = np.mean(np.array([5.0, 2.0, 2.0, 5.0]) * each)
    result = companion.binary_cross_entropy_with_logits(**call)
    np.testing.assert_allclose(result, expected, rtol=1e-12)


@pytest.mark.parametrize("case", LABELLED)
@pytest.mark.parametrize("name", ["binary_cross_entropy_with_logits", "sigmoid_focal_loss"])
def test_mend_of_a_twin_gives_the_loss_that_was_meant(name, case):
    torch = pytest.importorskip("torch")
    torch_losses = pytest.importorskip("companion.torch_losses")
    labels, readings = LABELLED[case]
    function, names = getattr(torch_losses, name), ("input", "target")
    if "focal" in name:
        names = ("inputs", "targets")
        function = partial(function, alpha=-1, gamma=0, reduction="mean")
    call = dict(
        zip(names, (torch.tensor(LOGITS), torch.tensor(np.array(labels, float))), strict=True)
    )
    assert_readings(function, readings, **call)


BESIDE = [
    (case, mark)
    for case, (labels, _) in LABELLED.items()
    for mark in (255.0, np.nan)
    if str(mark) not in {str(float(label)) for label in labels}  # which would be ignored itself
]


@pytest.mark.parametrize(("case", "mark"), BESIDE)
def test_mend_beside_a_label_to_ignore_comes_after_that_is_left_out(case, mark):
    torch = pytest.importorskip("torch")
    function = pytest.importorskip("companion.torch_losses").binary_cross_entropy_with_logits
    labels, readings = LABELLED[case]
    call = {
        "input": torch.tensor([*LOGITS, 7.0]),
        "target": torch.tensor([*map(float, labels), mark], dtype=torch.float64),
    }
    message = refusal(partial(function, ignore_index=mark), **call)
    kept = re.search(r"leave out .* yourself, (\[.*?\]) behind each tensor, and then", message)[1]
    call = {name: eval(f"{name}{kept}", call.copy()) for name in call}
    assert message.count("if ") == len(readings)
    for words, expected in readings.items():
        arguments = mended(message, words, **call)
        if expected is not None:
            result = function(**{"ignore_index": mark} | arguments)
            np.testing.assert_allclose(float(result), expected, rtol=1e-12)


@pytest.mark.parametrize("mark", [-(2.0**31), -9999999.0, -1234.0])
def test_mark_of_many_digits_is_named_with_all_of_them(mark):
    torch = pytest.importorskip("torch")
    twin = pytest.importorskip("companion.torch_losses").binary_cross_entropy_with_logits
    labels, expected = np.array([1, 0, mark, 1]), loss_of([1, 0, 1], LOGITS[KNOWN])
    numpys = companion.binary_cross_entropy_with_logits
    words = str(int(mark))[:4]
    for function, call in [
        (numpys, {"logits": LOGITS, "labels": labels}),
        (twin, {"input": torch.tensor(LOGITS), "target": torch.tensor(labels)}),
    ]:
        result = function(**mended(refusal(function, **call), words, **call))
        np.testing.assert_allclose(float(result), expected, rtol=1e-12)
    two = np.array([1234567.0, 1234568.0, 1234567.0, 1234568.0])
    call = {"logits": LOGITS, "labels": two}
    assert_readings(numpys, {"two labels": loss_of([0, 1, 0, 1])}, **call)


def test_no_known_row_of_classes_sums_to_nothing_for_the_twin():
    torch = pytest.importorskip("torch")
    function = pytest.importorskip("companion.torch_losses").cross_entropy
    call = {"input": torch.ones(2, 3), "target": -torch.ones(2, 3)}
    assert function(**mended(refusal(function, **call), "-1 marks", **call)) == 0


def test_mark_is_left_out_by_rows_of_classes_of_the_twin():
    torch = pytest.importorskip("torch")
    function = pytest.importorskip("companion.torch_losses").cross_entropy
    call = {
        "input": torch.tensor([[1.0, 0.0], [0.5, 2.0]]),
        "target": torch.tensor([[0.0, 1.0], [-1.0, -1.0]]),
    }
    result = function(**mended(refusal(function, **call), "-1", **call))
    np.testing.assert_allclose(float(result), np.log1p(np.exp(1.0)), rtol=1e-6)


@pytest.mark.parametrize("case", PROBABILITIES)
def test_mend_of_a_twins_probabilities_gives_the_loss_that_was_meant(case):
    torch = pytest.importorskip("torch")
    function = pytest.importorskip("companion.torch_losses").binary_cross_entropy
    given, meant, words = PROBABILITIES[case]
    tensor = torch.tensor(given)
    tensor = tensor if tensor.is_floating_point() else tensor.double()
    call = {"input": tensor, "target": torch.zeros(len(given))}
    call["target"][np.array(meant) == 1] = 1
    result = function(**mended(refusal(function, **call), words, **call))
    expected = -np.mean(np.log(np.where(call["target"] == 1, meant, 1 - np.array(meant))))
    rtol = 1e-3 if given.dtype == np.float16 else 1e-6
    np.testing.assert_allclose(float(result), expected, rtol=rtol)


# labels, words, and whether a refusal says them
ENDS = [
    ([0, 5, 999], "class indices", True),
    ([0, 5, 1000], "class indices", False),
    ([2.5, 100, 80], "per cent", True),
    ([2.5, 100.5, 80], "per cent", False),
    ([1.5, 1.25, 0.5], "per cent", True),
    ([1.5, 0.25, 0.5], "per cent", False),
    ([20.0, 70.0], "per cent", False),
    ([0, 1, np.inf], "two labels", False),
    (np.float16([0, 1 + 8 * 2.0**-10, 0.5]), "rounding", True),
    (np.float16([0, 1 + 9 * 2.0**-10, 0.5]), "rounding", False),
    (np.float16([1, -8 * 2.0**-10, 0.5]), "rounding", True),
    (np.float16([1, -9 * 2.0**-10, 0.5]), "rounding", False),
    ([-3.5, 0.25, 7.5], "the labels are the second argument", True),
]


@pytest.mark.parametrize(("labels", "words", "said"), ENDS, ids=str)
def test_reading_ends_where_it_ends(labels, words, said):
    message = refusal(companion.binary_cross_entropy, probabilities=0.5, labels=np.array(labels))
    assert (words in message) is said, message


def test_labels_of_another_shape_and_as_many_are_reshaped():
    call = {"logits": LOGITS, "labels": np.array([[1], [0], [1], [1]])}
    function = companion.binary_cross_entropy_with_logits
    code = re.search(r"for example (.*)$", refusal(function, **call))[1]
    result = function(LOGITS, eval(code, call.copy()))
    np.testing.assert_allclose(result, loss_of([1, 0, 1, 1]), rtol=1e-12)


def test_other_shapes_are_for_the_caller_to_check():
    call = {"logits": LOGITS, "labels": np.ones(3)}
    message = refusal(companion.binary_cross_entropy_with_logits, **call)
    assert message.endswith("or pass one number for all as a scalar")


@pytest.mark.parametrize(("labels", "mend"), [({0.5}, "no order"), (None, "numbers for labels")])
def test_what_holds_no_row_of_numbers_is_named(labels, mend):
    message = refusal(companion.binary_cross_entropy_with_logits, logits=0.0, labels=labels)
    assert mend in message


def test_weights_are_mended_in_words_that_exist_where_they_are_refused():
    features, labels = np.arange(5.0)[:, None], np.array([0, 1, 0, 1, 1])
    losses = {"logits": np.zeros((4, 3)), "labels": [0, 1, 2, 0]}
    for bad in ([1.0, 2.0], -1.0):
        for function, call in [
            (companion.RunningMean().update, {"values": np.zeros(3)}),
            (fit_logistic_regression, {"features": features, "labels": labels}),
        ]:
            assert "reduction" not in refusal(function, **call, weight=bad)
    assert "numpy.where" not in refusal(companion.cross_entropy, **losses, weight=[1.0, 2.0])
    update = companion.RunningMean().update
    assert "numpy.where" not in refusal(update, values=np.zeros(3), weight=[1.0, 2.0])
