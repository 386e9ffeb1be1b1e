"""Blocks of an array with a class axis: every row once, the classes first, and back again."""

import itertools
import math

import numpy as np
import pytest

from companion._numpy.blockwise import BLOCK
from companion._numpy.class_axis import NUMBERS, ClassAxis, Scratch, add_classes

SHAPES = [((7,), 0), ((6, 5), 1), ((5, 6), 0), ((4, 3, 5), 1), ((2, 3, 4, 5), 1), ((2, 3, 4, 5), 3)]


@pytest.mark.parametrize(("shape", "axis"), SHAPES, ids=str)
def test_parts_of_the_shape(shape, axis):
    classes = ClassAxis(shape, axis)
    assert classes.count == shape[axis]
    assert classes.rest == tuple(np.delete(shape, axis))
    assert classes.rows * classes.count == np.prod(shape)


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 20, 1000])
@pytest.mark.parametrize(("shape", "axis"), SHAPES, ids=str)
def test_blocks_of_any_length_hold_the_rows_in_order_and_go_back(shape, axis, length):
    array = np.arange(np.prod(shape)).reshape(shape)
    classes = ClassAxis(shape, axis)
    expected = np.moveaxis(array, axis, 0).reshape(classes.count, -1)
    back = np.full(shape, -1)
    view, target = classes.view(array), classes.view(back)
    for start in range(0, classes.rows, length):
        stop = min(start + length, classes.rows)
        block = classes.load(view, start, stop)
        np.testing.assert_array_equal(block, expected[:, start:stop])
        classes.store(target, start, stop, block)
    np.testing.assert_array_equal(back, array)


@pytest.mark.parametrize("arrange", [np.asfortranarray, lambda a: a[::-1], lambda a: a[..., ::2]])
def test_arrays_of_any_layout_are_read_in_c_order(arrange):
    array = arrange(np.arange(4.0 * 3 * 6).reshape(4, 3, 6))
    classes = ClassAxis(array.shape, 1)
    block = classes.load(classes.view(array), 0, classes.rows)
    np.testing.assert_array_equal(block, np.moveaxis(array, 1, 0).reshape(3, -1))


@pytest.mark.parametrize("numbers", [1, 10, 1000, BLOCK, 10 * BLOCK])
@pytest.mark.parametrize("inner", [1, 7, 1000, 3 * BLOCK])
def test_block_is_as_long_as_scratch_allows_and_ends_with_a_place_where_it_can(numbers, inner):
    length = ClassAxis((5, 4, inner), 1).block(numbers)
    assert length == 1 or length * numbers <= NUMBERS
    allowed = max(1, NUMBERS // numbers)
    if allowed >= inner:
        assert length % inner == 0
        assert length + inner > allowed
    else:
        assert length == allowed


@pytest.mark.parametrize(
    ("shape", "axis", "classes_first"),
    [((40, 3), 1, True), ((3, 300), 1, False), ((300, 3), 0, True), ((2, 300, 3), 1, True)],
    ids=str,
)
def test_classes_of_a_row_lie_side_by_side_where_they_are_many_and_do_so_in_the_array(
    shape, axis, classes_first
):
    classes = ClassAxis(shape, axis)
    array = np.arange(float(np.prod(shape))).reshape(shape)
    block = classes.load(classes.view(array), 0, classes.rows)
    np.testing.assert_array_equal(block, np.moveaxis(array, axis, 0).reshape(classes.count, -1))
    assert block.flags.c_contiguous == classes_first
    assert block.flags.f_contiguous != classes_first


def test_scratch_gives_other_memory_for_each_block_and_the_same_after_begin():
    classes = ClassAxis((7, 3), 1)
    view = classes.view(np.arange(21.0).reshape(7, 3))
    scratch = Scratch(classes, 4, np.dtype(float))
    blocks = [scratch.begin(view, 0, 4), scratch.block(), scratch.block()]
    assert [block.shape for block in blocks] == [(3, 4)] * 3
    assert not any(np.shares_memory(*pair) for pair in itertools.combinations(blocks, 2))
    last = scratch.begin(view, 5, 7)  # a short one
    np.testing.assert_array_equal(last, [[15, 18], [16, 19], [17, 20]])
    again = [last, scratch.block(), scratch.block(), scratch.block()]
    assert [block.shape for block in again] == [(3, 2)] * 4
    assert all(block.flags.c_contiguous for block in again)
    assert all(np.shares_memory(*pair) for pair in zip(again, blocks, strict=False))
    assert not any(np.shares_memory(again[3], block) for block in blocks)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("of", ["f8", "f4", ">f4", "f2"])
def test_rows_that_lie_as_in_a_block_are_no_copy(dtype, of):
    numbers = np.arange(1800).reshape(3, 600).astype(of)
    whole, strided, fortran = numbers[:, :300], numbers[:, ::2], np.asfortranarray(numbers)
    for array, lies in ((whole, True), (strided, False), (fortran, False)):
        classes = ClassAxis(array.shape, 1)
        scratch = Scratch(classes, 2, np.dtype(dtype))
        block = scratch.begin(classes.view(array), 1, 3)
        assert block.dtype == scratch.block().dtype == dtype
        np.testing.assert_array_equal(block, array[1:].T)
        assert np.shares_memory(block, array) == (lies and np.dtype(of) == dtype)
        assert block.strides[0] == block.itemsize


@pytest.mark.parametrize("classes", [200, 100_000])
def test_float32_side_by_side_are_rounded_as_seldom_as_promised(classes):
    block = np.random.default_rng(0).random((classes, 1), np.float32)
    error = add_classes(block)[0] / math.fsum(block[:, 0].tolist()) - 1
    assert abs(error) <= (26 + math.log2(classes / 128)) * 2**-24
