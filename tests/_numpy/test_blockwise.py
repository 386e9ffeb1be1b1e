"""One pass in blocks: every element once, little memory, the same result for any cut."""

import threading
import tracemalloc

import numpy as np
import pytest

from companion._numpy import blockwise
from companion._numpy.blockwise import BLOCK, SHARE, evaluate, in_blocks
from tests.tables.losses import LOSSES

SIZES = [0, 1, 2, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 7]
F32, F64 = np.float32, np.float64


@pytest.fixture(autouse=True)
def _threads_for_little_work(monkeypatch):
    monkeypatch.setattr(blockwise, "SHARE", 1)


def run(kernel, operands, outputs=(), *, shape, dtype=F64, scratch=0, workers=1):
    return evaluate(
        kernel,
        operands,
        outputs,
        shape=shape,
        dtype=np.dtype(dtype),
        scratch=scratch,
        workers=workers,
    )


def double(operands, outputs, scratch):
    np.multiply(operands[0], 2, out=outputs[0])
    return (float(len(outputs[0])), float(operands[0].sum()))


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("size", SIZES)
def test_every_element_is_seen_exactly_once(size, workers):
    array, output = np.arange(float(size)), np.full(size, np.nan)
    sums = run(double, [array], [output], shape=(size,), workers=workers)
    np.testing.assert_array_equal(output, 2 * array)
    assert sums == ((size, size * (size - 1) / 2) if size else ())


@pytest.mark.parametrize("size", SIZES[1:])
def test_no_block_is_longer_than_promised_and_scratch_is_as_long_as_the_block(size):
    lengths = []

    def kernel(operands, outputs, scratch):
        lengths.append(len(operands[0]))
        assert [len(row) for row in scratch] == 3 * [lengths[-1]]
        assert all(row.dtype == F32 for row in scratch)
        assert operands[0].dtype == F32
        return ()

    run(kernel, [np.zeros(size, F32)], shape=(size,), dtype=F32, scratch=3)
    assert sum(lengths) == size
    assert max(lengths) <= BLOCK


@pytest.mark.parametrize(
    "view",
    [
        lambda a: a[::2],
        lambda a: a[::-1],
        lambda a: a.T,
        lambda a: a[:, :1],
        lambda a: a[:1],
        lambda a: a.astype(">f8"),
        lambda a: a.astype(F32),
        lambda a: a.astype(np.int16),
        lambda a: a[0, 0],
    ],
    ids=["strided", "reversed", "transposed", "column", "row", "big endian", "f32", "i2", "scalar"],
)
def test_any_operand_is_read_in_c_order_in_the_working_dtype(view):
    operand = view(np.arange(300.0 * 300).reshape(300, 300) % 1000)
    shape = (300, 300) if operand.shape != (150, 300) else (150, 300)
    output = np.empty(shape)

    def copy(operands, outputs, scratch):
        outputs[0][...] = operands[0]
        assert operands[0].dtype == F64
        return ()

    run(copy, [operand], [output], shape=shape)
    np.testing.assert_array_equal(output, np.broadcast_to(operand, shape))


def test_missing_operands_and_outputs_stay_missing():
    def kernel(operands, outputs, scratch):
        assert operands[0] is None
        assert outputs[0] is None
        return (1.0,)

    assert run(kernel, [None], [None], shape=(BLOCK + 1,)) == (2.0,)


def test_output_may_be_narrower_than_the_work():
    output = np.empty(BLOCK + 5, np.float16)
    run(double, [np.full(BLOCK + 5, 1.0)], [output], shape=output.shape, dtype=F32)
    np.testing.assert_array_equal(output, np.float16(2))


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_sums_of_blocks_are_added_exactly(workers):
    firsts = [1e16, 1.0, 1.0, -1e16]  # left to right, a plain sum gives 0
    array = np.repeat(firsts, BLOCK)

    def first(operands, outputs, scratch):
        return (float(operands[0][0]),)

    assert run(first, [array], shape=array.shape, workers=workers) == (2.0,)


@pytest.mark.parametrize(
    ("sums", "total"),
    [((np.inf, 1.0), np.inf), ((1e308, 1e308), np.inf), ((-1e308, -1e308), -np.inf)],
)
def test_infinite_and_overflowing_sums_are_infinite(sums, total):
    left = iter(sums)
    result = run(lambda *_: (next(left),), [np.zeros(2 * BLOCK)], shape=(2 * BLOCK,))
    assert result == (total,)


@pytest.mark.parametrize(
    ("blocks", "threads"), [(1, 1), (2 * SHARE - 1, 1), (2 * SHARE, 2), (3 * SHARE + 1, 3), (99, 3)]
)
def test_another_thread_comes_with_the_blocks_that_pay_for_it(blocks, threads, monkeypatch):
    monkeypatch.setattr(blockwise, "SHARE", SHARE)
    shares = []

    def process(bounds):
        shares.append(len(bounds))
        return [(1.0,) for _ in bounds]

    assert in_blocks(process, blocks, block=1, workers=3) == (blocks,)
    assert sum(shares) == blocks
    assert len(shares) == threads


def test_workers_run_at_the_same_time():
    meeting = threading.Barrier(2, timeout=30)  # breaks, and raises, if one comes alone

    def kernel(operands, outputs, scratch):
        meeting.wait()
        return ()

    run(kernel, [np.zeros(4 * BLOCK)], shape=(4 * BLOCK,), workers=2)


@pytest.mark.parametrize("workers", [1, 2])
def test_exception_in_a_block_reaches_the_caller(workers):
    def kernel(operands, outputs, scratch):
        raise ValueError("labels: block")

    with pytest.raises(ValueError, match="labels: block"):
        run(kernel, [np.zeros(3 * BLOCK)], shape=(3 * BLOCK,), workers=workers)


@pytest.mark.parametrize(
    "prepare",
    [
        lambda array: array,
        lambda array: np.asfortranarray(array),
        lambda array: array.astype(F32),
        lambda array: array > 0.5,
        lambda array: array[:1],
    ],
    ids=["plain", "Fortran", "float32", "bool", "one row, broadcast"],
)
@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_extra_memory_is_a_few_mebibytes_whatever_the_size(loss, prepare):
    shape = (1500, 1500)  # 17.2 MiB in float64: more than is granted
    first = np.random.default_rng(0).random(shape)
    weight = prepare(first)
    labels = weight if weight.shape == shape else 1.0
    few = [each if np.isscalar(each) else each[:2] for each in (first, labels, weight)]
    for suffix in ("", "_gradient", "_hessian", "_value_and_gradient"):
        if function := loss.part(suffix):
            function(*few[:2], weight=few[2])  # what compiles is not counted
            tracemalloc.start()
            try:
                results = function(first, labels, weight=weight, workers=2)
                _, peak = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
            results = results if isinstance(results, tuple) else (results,)
            # Two threads with at most 16 rows of BLOCK float64 each
            assert peak - sum(array.nbytes for array in results) < 2 * 16 * BLOCK * 8 == 16 * 2**20
