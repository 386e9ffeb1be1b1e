"""What a twin refuses: every argument with every kind of bad value, each with a way to mend it."""

import re

import numpy as np
import pytest
import torch

from companion import torch_losses

BCE = torch_losses.binary_cross_entropy
LOGITS = torch_losses.binary_cross_entropy_with_logits
CE = torch_losses.cross_entropy
Z, Y = torch.zeros(3), torch.tensor([0.0, 1.0, 0.5])

# Each argument with its sort and a valid value.
WEIGHT = ("weight", torch.tensor([1.0, 0.0, 2.5]))
CALLS = {
    "BCE": (BCE, {"input": ("unit", Y), "target": ("unit", Y), "weight": WEIGHT}),
    "logits": (
        LOGITS,
        {"input": ("logits", Z), "target": ("unit", Y), "weight": WEIGHT, "pos_weight": WEIGHT},
    ),
    "soft classes": (CE, {"input": ("logits", Z), "target": ("unit", Y), "weight": WEIGHT}),
    "classes": (
        CE,
        {
            "input": ("logits", torch.zeros(2, 3)),
            "target": ("index", torch.tensor([0, 2])),
            "weight": WEIGHT,
        },
    ),
}
EVERY_ARGUMENT = pytest.mark.parametrize(
    ("call", "name"), [(call, name) for call, (_, sorts) in CALLS.items() for name in sorts]
)
INTEGERS = [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64]
NOT_A_TENSOR = {
    "None": None,
    "number": 0.5,
    "string": "0.5",
    "list": [0.5, 0.5, 0.5],
    "array": np.full(3, 0.5),
    "Parameter's class": torch.nn.Parameter,
}
NUMBERS = {
    "unit": [-1.0, -1e-30, 1 + 2**-23, 50.0, torch.nan, torch.inf, -torch.inf],
    "weight": [-1.0, -1e-30, torch.nan, torch.inf, -torch.inf],
    "index": [-1, 3, -(2**31), 2**40],
}
WRONG_NUMBERS = [
    (call, name, number)
    for call, (_, sorts) in CALLS.items()
    for name, (sort, _) in sorts.items()
    for number in NUMBERS.get(sort, [])
]


def assert_refused(call, error, name, **changes):
    function, sorts = CALLS[call]
    arguments = {key: value for key, (_, value) in sorts.items()} | changes
    before = {key: value.clone() for key, value in arguments.items() if torch.is_tensor(value)}
    with pytest.raises(error) as caught:
        function(**arguments)
    assert type(caught.value) is error, "a subclass surprises an `except`"
    message = str(caught.value)
    assert re.search(rf"\b{name}\b.*: expected .*got .*; .", message, re.DOTALL), message
    for key, value in before.items():
        torch.testing.assert_close(arguments[key], value, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("kind", NOT_A_TENSOR)
@EVERY_ARGUMENT
def test_what_is_no_tensor_is_refused(call, name, kind):
    if kind != "None" or name in ("input", "target"):
        assert_refused(call, TypeError, name, **{name: NOT_A_TENSOR[kind]})


NO_FLOATS = [torch.int64, torch.bool, torch.complex64, torch.float8_e4m3fn]


@pytest.mark.parametrize("dtype", NO_FLOATS, ids=str)
@EVERY_ARGUMENT
def test_tensor_of_another_kind_is_refused(call, name, dtype):
    sort, valid = CALLS[call][1][name]
    if sort == "index" and dtype == torch.int64:
        dtype = torch.float32
    if sort == "weight" and dtype in (torch.int64, torch.bool):
        return  # a mask, or counts
    # Whole numbers of the shape of one row are no class index: their shape is refused first.
    soft = call == "soft classes" and name == "target" and not dtype.is_floating_point
    error = ValueError if soft else TypeError
    assert_refused(call, error, name, **{name: valid.to(dtype)})


@pytest.mark.parametrize("dtype", [torch.int64, torch.bool, torch.uint8], ids=str)
@pytest.mark.parametrize("call", CALLS)
def test_a_mask_or_counts_are_weights(call, dtype):
    function, sorts = CALLS[call]
    arguments = {key: value for key, (_, value) in sorts.items()}
    whole = torch.tensor([1, 0, 1]).to(dtype)
    for name in [name for name in arguments if "weight" in name]:
        ours = function(**arguments | {name: whole})
        assert ours == function(**arguments | {name: whole.float()})


def test_a_tensor_without_dimensions_is_an_option():
    z, index = torch.tensor([[0.0, 1.0, 3.0]]), torch.tensor([2])
    tensors = {"label_smoothing": torch.tensor(0.25), "ignore_index": torch.tensor(1)}
    numbers = {"label_smoothing": 0.25, "ignore_index": 1}
    assert CE(z, index, **tensors) == CE(z, index, **numbers)
    focal = torch_losses.sigmoid_focal_loss
    options = {"alpha": torch.tensor(0.5), "gamma": torch.tensor(3)}
    assert torch.equal(focal(Z, Y, **options), focal(Z, Y, 0.5, 3))
    assert torch_losses.BCELoss(label_smoothing=tensors["label_smoothing"]).label_smoothing == 0.25


@pytest.mark.parametrize("dtype", [*INTEGERS, torch.uint16, torch.uint32, torch.uint64], ids=str)
def test_class_of_any_integer_dtype_is_that_class(dtype):
    # 156 is -100 modulo 256, and 255 is -1
    z, classes = torch.zeros(2, 300), [100, 1] if dtype == torch.int8 else [156, 255]
    index = torch.tensor(classes).to(dtype)
    for ignore_index in (-100, -1):
        losses = CE(z, index, ignore_index=ignore_index, reduction="none")
        torch.testing.assert_close(losses, torch.full((2,), 300.0).log())
    assert CE(z, index, ignore_index=classes[0], reduction="none")[0] == 0
    with pytest.raises(IndexError, match=f"target: .* got {classes[0]} .*; count classes from 0"):
        CE(z[:, :100], index)


def test_a_class_index_in_a_shape_of_its_own_is_that_of_one_row():
    ours = CE(torch.zeros(3), torch.tensor([1]), reduction="none")
    assert ours.shape == ()
    torch.testing.assert_close(ours, torch.tensor(3.0).log())


def test_one_class_warns_with_the_reason():
    with pytest.warns(UserWarning, match=r"got one, whose loss is always 0; .*_with_logits"):
        assert CE(torch.zeros(2, 1), torch.tensor([0, 0])) == 0


@pytest.mark.parametrize(("call", "name", "number"), WRONG_NUMBERS)
def test_number_out_of_range_is_refused_wherever_it_stands(call, name, number):
    sort, valid = CALLS[call][1][name]
    for place in range(valid.numel()):
        values = valid.clone()
        values[place] = number
        assert_refused(call, IndexError if sort == "index" else ValueError, name, **{name: values})


@pytest.mark.parametrize(("call", "name", "number"), WRONG_NUMBERS)
def test_number_out_of_range_is_refused_under_vmap(call, name, number):
    function, sorts = CALLS[call]
    arguments = {key: value.repeat(2, *[1] * value.ndim) for key, (_, value) in sorts.items()}
    arguments = {key: value.reshape(2, *sorts[key][1].shape) for key, value in arguments.items()}
    arguments[name][1, -1] = number
    error = IndexError if sorts[name][0] == "index" else ValueError
    with pytest.raises(error, match=f"{name}: expected"):
        torch.func.vmap(lambda given: function(**given))(arguments)


@EVERY_ARGUMENT
def test_another_device_is_refused(call, name):
    elsewhere = CALLS[call][1][name][1].to("meta")
    named = name if "weight" in name else "input and target"
    assert_refused(call, ValueError, named, **{name: elsewhere, **_plain(call, name)})


def _plain(call, name):
    """Leave the weights out where the first two arguments are to disagree."""
    return {} if "weight" in name else dict.fromkeys(CALLS[call][1].keys() - {"input", "target"})


@pytest.mark.parametrize("shape", [(2,), (3, 1), (2, 3), (0,)], ids=str)
@EVERY_ARGUMENT
def test_another_shape_is_refused(call, name, shape):
    valid = CALLS[call][1][name][1]
    fits = {
        ("classes", "input", (2, 3)),
        ("classes", "target", (2,)),
        ("classes", "target", (2, 3)),  # one-hot rows, whose dtype is refused
        ("soft classes", "input", (3, 1)),  # of three rows: then the target's dtype is wrong
    }
    if (call, name, shape) in fits:
        return
    named = name if "weight" in name else "input and target"
    wrong = torch.full(shape, 1, dtype=valid.dtype)
    assert_refused(call, ValueError, named, **{name: wrong, **_plain(call, name)})


@pytest.mark.parametrize("reduction", ["average", "Mean", "", "batchmean", None, True, ["mean"]])
@pytest.mark.parametrize("call", CALLS)
def test_another_reduction_is_refused(call, reduction):
    error = ValueError if isinstance(reduction, str) else TypeError
    assert_refused(call, error, "reduction", reduction=reduction)


@pytest.mark.parametrize(
    "smoothing", [-0.1, 1.1, torch.nan, torch.inf, [0.1, 0.1], "0.1", None, True]
)
@pytest.mark.parametrize("call", CALLS)
def test_another_smoothing_is_refused(call, smoothing):
    error = TypeError if isinstance(smoothing, str | bool | None) else ValueError
    assert_refused(call, error, "label_smoothing", label_smoothing=smoothing)


# A misuse each, as it happens.
REFUSED = {
    "a list": (LOGITS, ([0.0], Y), {}, TypeError, "input"),
    "a list of labels": (LOGITS, (Z, [0.0, 1, 0]), {}, TypeError, "target"),
    "a NumPy array": (BCE, (np.zeros(3), Y), {}, TypeError, "input"),
    "a list of classes": (CE, (torch.zeros(2, 3), [0, 1]), {}, TypeError, "target"),
    "a list of logits": (CE, ([[0.0]], torch.tensor([0])), {}, TypeError, "input"),
    "integer logits": (LOGITS, (Z.long(), Y), {}, TypeError, "input"),
    "integer labels": (LOGITS, (Z, Y.long()), {}, TypeError, "target"),
    "boolean labels": (LOGITS, (Z, Y > 0), {}, TypeError, "target"),
    "complex logits": (LOGITS, (Z.cfloat(), Y), {}, TypeError, "input"),
    "complex classes": (
        CE, (torch.zeros(1, 3).cfloat(), torch.tensor([0])), {}, TypeError, "input",
    ),
    "a number as weight": (LOGITS, (Z, Y), {"pos_weight": 2.0}, TypeError, "pos_weight"),
    "floating class indices": (CE, (torch.zeros(2, 3), torch.zeros(2)), {}, TypeError, "target"),
    "boolean classes": (CE, (torch.zeros(2, 3), torch.zeros(2) > 0), {}, TypeError, "target"),
    "whole one-hot rows": (
        CE, (torch.zeros(2, 3), torch.zeros(2, 3).long()), {}, TypeError, r"target\.float\(\)",
    ),
    "boolean one-hot rows": (
        CE, (torch.zeros(2, 3), torch.zeros(2, 3) > 0), {}, TypeError, r"target\.float\(\)",
    ),
    "no classes": (CE, (torch.zeros(2, 0), torch.tensor([0, 0])), {}, ValueError, "one class"),
    "a sparse tensor": (LOGITS, (Z.to_sparse(), Y), {}, TypeError, r"input\.to_dense\(\)"),
    "a fraction to ignore": (
        CE, (Z, torch.tensor(0)), {"ignore_index": 1.0}, TypeError, "ignore_index.*integer",
    ),
    "nothing to ignore": (
        CE, (Z, torch.tensor(0)), {"ignore_index": None}, TypeError, "ignore_index.*-100 for none",
    ),
    "a label to ignore as text": (
        LOGITS, (Z, Y), {"ignore_index": "-1"}, TypeError, "ignore_index: .* got str",
    ),
    "ignoring as a switch": (
        LOGITS, (Z, Y), {"ignore_index": True}, TypeError, "ignore_index.*None for none",
    ),
    "several labels to ignore": (
        BCE, (Y, Y), {"ignore_index": np.array([-1, 255])}, ValueError, "ignore_index.*one number",
    ),
    "another mark than the one to ignore": (
        LOGITS, (Z, Y - 2 * (Y == 0)), {"ignore_index": -1}, ValueError, "target: .* got -2.0",
    ),
    "many smoothings": (
        LOGITS, (Z, Y), {"label_smoothing": torch.tensor([0.1])}, TypeError, r"shape \(1,\)",
    ),
    "a smoothing to learn": (
        CE, (Z, Y), {"label_smoothing": torch.nn.Parameter(torch.tensor(0.1))}, TypeError,
        "label_smoothing.*gradient",
    ),
    "(N,) and (N, 1)": (LOGITS, (Z, Y[:, None]), {}, ValueError, r"\(3,\).*\(3, 1\)"),
    "another length": (BCE, (Z, Y[:2]), {}, ValueError, r"\(3,\).*\(2,\)"),
    "another batch": (CE, (torch.zeros(2, 3), torch.tensor([0])), {}, ValueError, r"\(2, 3\)"),
    "no class": (CE, (torch.tensor(0.0), torch.tensor(0)), {}, ValueError, "input"),
    "a larger weight": (LOGITS, (Z, Y, torch.ones(2, 3)), {}, ValueError, "weight"),
    "a weight that does not fit": (BCE, (Z, Y, torch.ones(2)), {}, ValueError, "weight"),
    "another number of class weights": (
        CE, (torch.zeros(1, 3), torch.tensor([0]), torch.ones(2)), {}, ValueError, "weight",
    ),
    "a negative weight": (LOGITS, (Z, Y, -Y), {}, ValueError, "weight"),
    "an infinite weight": (LOGITS, (Z, Y, Y / 0), {}, ValueError, "weight"),
    "a negative pos_weight": (
        LOGITS, (Z, Y), {"pos_weight": torch.tensor(-1.0)}, ValueError, "pos_weight",
    ),
    "a negative class weight": (
        CE, (torch.zeros(1, 3), torch.tensor([0]), -torch.ones(3)), {}, ValueError, "weight",
    ),
    "labels of 255": (LOGITS, (Z, 255 * Y), {}, ValueError, "target"),
    "labels of -1": (LOGITS, (Z, 2 * Y - 1), {}, ValueError, "target"),
    "a NaN label": (LOGITS, (Z, Y * torch.nan), {}, ValueError, "target"),
    "logits as probabilities": (BCE, (Z + 2, Y), {}, ValueError, "input.*logits"),
    "a NaN probability": (BCE, (Z * torch.nan, Y), {}, ValueError, "input"),
    "class probabilities of 2": (CE, (Z, 2 * Y), {}, ValueError, "target"),
    "class K": (CE, (torch.zeros(2, 3), torch.tensor([0, 3])), {}, IndexError, "0 to 2"),
    "class -1": (CE, (torch.zeros(2, 3), torch.tensor([0, -1])), {}, IndexError, "0 to 2"),
    "class -100, not ignored": (
        CE, (torch.zeros(1, 3), torch.tensor([-100])), {"ignore_index": -1}, IndexError, "target",
    ),
    "another reduction": (LOGITS, (Z, Y), {"reduction": "average"}, ValueError, "reduction"),
    "no reduction": (CE, (Z, Y), {"reduction": None}, TypeError, "reduction"),
    "too much smoothing": (LOGITS, (Z, Y), {"label_smoothing": 1.1}, ValueError, "label_smoothing"),
    "negative smoothing": (CE, (Z, Y), {"label_smoothing": -0.1}, ValueError, "label_smoothing"),
    "two devices": (LOGITS, (Z, Y.to("meta")), {}, (ValueError, RuntimeError), "device"),
    "two devices of classes": (
        CE, (torch.zeros(1, 3), torch.tensor([0], device="meta")), {},
        (ValueError, RuntimeError), "device",
    ),
    "a weight elsewhere": (
        LOGITS, (Z, Y, Y.to("meta")), {}, (ValueError, RuntimeError), "device",
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("function", "arguments", "options", "error", "message"), REFUSED.values(), ids=REFUSED
)
def test_bad_argument_is_refused_by_name_with_what_to_do(
    function, arguments, options, error, message
):
    with pytest.raises(error, match=message) as caught:
        function(*arguments, **options)
    assert ";" in str(caught.value), "the message does not say how to mend it"


@pytest.mark.parametrize("transform", [torch.func.vmap, torch.func.grad], ids=["vmap", "grad"])
@pytest.mark.parametrize(
    ("function", "first", "target", "error"),
    [
        (LOGITS, Z, Y + 1, ValueError),
        (BCE, Z + 2, Y, ValueError),
        (CE, torch.zeros(3, 2), torch.tensor([0, 1, 2]), IndexError),
    ],
    ids=["labels", "probabilities", "classes"],
)
def test_transforms_refuse_what_eager_mode_refuses(transform, function, first, target, error):
    def call(first, target):
        if transform is torch.func.vmap:
            return torch.func.vmap(function)(first, target)
        return torch.func.grad(lambda first: function(first, target))(first)

    with pytest.raises(error):
        call(first, target)


@pytest.mark.parametrize("name", ["weight", "pos_weight"])
def test_two_weights_become_one_for_each_label(name):
    input, target = torch.tensor([0.5, -1.0, 2.0]), torch.tensor([1.0, 0.0, 1.0])
    weights = {name: torch.tensor([3.0, 5.0])}
    with pytest.raises(ValueError, match="for two labels pass weight=") as refused:
        torch_losses.binary_cross_entropy_with_logits(input, target, **weights)
    mend = str(refused.value).rpartition("pass weight=")[2]
    weight = eval(mend, {"torch": torch, "target": target} | weights)
    found = torch_losses.binary_cross_entropy_with_logits(input, target, weight)
    by_class = torch.nn.functional.cross_entropy(
        torch.stack([0 * input, input], 1), target.long(), weights[name], reduction="sum"
    )
    torch.testing.assert_close(found, by_class / 3)


def test_weights_of_rows_are_multiplied_with_the_losses():
    input, target, weight = torch.zeros(4, 3), torch.tensor([0, 1, 2, 2]), torch.ones(4)
    with pytest.raises(ValueError, match='multiply the losses of reduction="none" by weight'):
        torch_losses.cross_entropy(input, target, weight)
