"""Which engine a call runs on: the process's, or that of its context; the call without Numba."""

import asyncio
import importlib.util
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from companion import binary_cross_entropy_with_logits, engine
from companion._numpy import blockwise
from companion._numpy.blockwise import BLOCK
from companion.engine import compiled, current, use
from tests.tables.losses import LOSSES, draw

numba_needed = pytest.mark.skipif(
    importlib.util.find_spec("numba") is None, reason="needs Numba, of the extra `fast`"
)


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """Start from the engine of a new process, and leave no trace."""
    monkeypatch.setattr(engine, "_calls", [])
    monkeypatch.setattr(engine, "_default", "numpy")


def in_a_thread(function):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result()


def test_numpy_is_what_a_new_process_runs_on():
    assert current() == "numpy"
    assert compiled() is None


@numba_needed
def test_plain_call_holds_for_every_thread_until_the_next():
    use("numba")
    assert (current(), in_a_thread(current)) == ("numba", "numba")
    assert compiled().__name__ == "companion._numba"
    use("numpy")
    assert (current(), in_a_thread(current)) == ("numpy", "numpy")


@numba_needed
def test_with_holds_for_its_context_alone_and_ends_with_it():
    with use("numba"):
        assert (current(), in_a_thread(current)) == ("numba", "numpy")
    assert current() == "numpy"


@numba_needed
def test_with_nests_and_gives_back_what_was_before():
    use("numba")
    with use("numpy"):
        with use("numba"):
            assert current() == "numba"
        assert current() == "numpy"
        assert in_a_thread(current) == "numba"
    assert current() == "numba"


@numba_needed
def test_one_use_may_be_entered_again_while_it_holds():
    choice = use("numba")
    with choice, use("numpy"):
        with choice:
            assert current() == "numba"
        assert current() == "numpy"
    assert current() == "numpy"


@numba_needed
def test_exception_ends_the_context_and_goes_on():
    with pytest.raises(ZeroDivisionError), use("numba"):
        raise ZeroDivisionError
    assert current() == "numpy"


@numba_needed
def test_plain_call_inside_a_context_is_seen_outside_of_it():
    with use("numpy"):
        use("numba")
        assert (current(), in_a_thread(current)) == ("numpy", "numba")
    assert current() == "numba"


@numba_needed
def test_many_contexts_leave_the_default_of_the_process_alone():
    use("numba")
    for _ in range(200):
        with use("numpy"):
            pass
    assert current() == "numba"


@numba_needed
def test_threads_do_not_disturb_each_other():
    seen, barrier = {}, threading.Barrier(8, timeout=30)

    def work(i):
        name = engine.ENGINES[i % 2]
        for _ in range(100):
            with use(name):
                barrier.wait()
                seen.setdefault(name, set()).add(current())
        seen.setdefault("after", set()).add(current())

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {"numpy": {"numpy"}, "numba": {"numba"}, "after": {"numpy"}}


@numba_needed
def test_tasks_do_not_disturb_each_other_and_inherit_what_held_when_they_began():
    async def task(name):
        seen = [current()]
        with use(name):
            for _ in range(5):
                await asyncio.sleep(0)
                seen.append(current())
        return [*seen, current()]

    async def main():
        with use("numba"):
            return await asyncio.gather(*(task(name) for name in engine.ENGINES))

    numpy, numba = asyncio.run(main())
    assert numpy == ["numba", *["numpy"] * 5, "numba"]
    assert numba == ["numba"] * 7


@numba_needed
def test_pools_of_the_package_run_on_the_engine_of_their_caller(monkeypatch):
    monkeypatch.setattr(blockwise, "SHARE", 1)  # so that little work has threads
    with use("numba"):
        kernels, threads = compiled(), set()
    original = kernels.run_block

    def watched(*arguments):
        threads.add(threading.get_ident())
        return original(*arguments)

    monkeypatch.setattr(kernels, "run_block", watched)
    x, y = np.zeros(2 * BLOCK), np.ones(2 * BLOCK)
    with use("numba"):
        binary_cross_entropy_with_logits(x, y, workers=2)
    assert len(threads) == 2
    threads.clear()
    use("numba")
    with use("numpy"):
        binary_cross_entropy_with_logits(x, y, workers=2)
    assert threads == set()


@numba_needed
@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_workers_change_no_bit(loss, monkeypatch):
    monkeypatch.setattr(blockwise, "SHARE", 1)  # so that little work has threads
    first, labels, weight = draw(loss, 2 * BLOCK + 7)
    with use("numba"):
        for part in loss.functions:
            for reduction in ("none", "mean"):
                one, two, three = (
                    part(first, labels, weight=weight, reduction=reduction, workers=workers)
                    for workers in (None, 2, 3)
                )
                np.testing.assert_array_equal(one, two)
                np.testing.assert_array_equal(one, three)


@pytest.mark.parametrize("name", ["cuda", "Numba", "", None, 1])
def test_unknown_engine_is_refused_with_the_known_ones(name):
    with pytest.raises((TypeError, ValueError), match=r"engine: expected .*'numpy'.*'numba'"):
        use(name)
    assert current() == "numpy"


def test_without_numba_the_call_says_what_to_install_and_changes_nothing(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("companion._numba")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "numba", None)
    expected = r'engine: expected Numba .* got .*numba.*; run pip install "bce-companion\[fast\]"'
    with pytest.raises(ImportError, match=expected):
        use("numba")
    with pytest.raises(ImportError, match=expected), use("numba"):
        raise AssertionError("the context was entered")
    assert current() == "numpy"


def test_nothing_imports_numba_unasked():
    program = (
        "import sys, companion.engine, companion.binary\n"
        "companion.binary_cross_entropy_with_logits([1.0], [1])\n"
        "with companion.engine.use('numpy'): companion.show_versions()\n"
        "assert not {'numba', 'companion._numba'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
