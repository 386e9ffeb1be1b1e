"""A kernel is compiled on its first call; what took long is told once; no disk is no error."""

import logging
import os

import llvmlite.binding
import numpy as np
import pytest

from companion._numba import compiler
from companion._numba.compiler import compiled, wide_vectors

TWICE = "def twice(x):\n    return 2 * x"


def kernel_without_a_file(source=TWICE, name="twice", **names):
    """Return a kernel that Numba finds no place for, so that each one is compiled."""
    exec(compile(source, "<nowhere>", "exec"), names)
    return compiled()(names[name])


@pytest.fixture
def told(caplog, monkeypatch):
    """Return what is told where every compilation counts as long."""
    monkeypatch.setattr(compiler, "LONG", 0.0)
    monkeypatch.setattr(compiler._clock, "told", False)
    caplog.set_level(logging.WARNING, logger="companion")
    return caplog


def test_nothing_is_compiled_before_the_first_call():
    kernel = kernel_without_a_file()
    assert kernel.signatures == []
    assert kernel(21) == 42
    assert len(kernel.signatures) == 1


def test_first_long_compilation_is_told_and_only_that(told):
    kernel = kernel_without_a_file()
    kernel(1)
    kernel(1.0)
    assert [record.name for record in told.records] == ["companion"]
    assert "companion compiled a kernel in " in told.text


def test_short_compilation_is_not_told(told, monkeypatch):
    monkeypatch.setattr(compiler, "LONG", 600.0)
    kernel_without_a_file()(1)
    assert told.records == []
    assert compiler._clock.begun == {}


def test_functions_of_others_are_not_told(told):
    import numba

    assert numba.njit(lambda x: 3 * x)(1) == 3
    assert told.records == []


def test_kernel_that_cannot_be_compiled_leaves_nothing_behind(told):
    wrong = kernel_without_a_file("def wrong(x):\n    return x.nothing", "wrong")
    with pytest.raises(Exception, match="nothing"):
        wrong(1)
    assert compiler._clock.begun == {}


def test_name_on_disk_tells_the_sources_apart(tmp_path, monkeypatch):
    here = compiler._sources()
    assert here == compiler._sources()
    monkeypatch.setattr(compiler, "__file__", str(tmp_path / "compiler.py"))
    (tmp_path / "one.py").write_text("x = 1")
    before = compiler._sources()
    (tmp_path / "two.py").write_text("x = 2")
    assert len({here, before, compiler._sources()}) == 3


HAS_AVX512 = "NUMBA_CPU_NAME" not in os.environ and llvmlite.binding.get_host_cpu_features().get(
    "avx512f", False
)


@pytest.mark.skipif(not HAS_AVX512, reason="another processor")
def test_vectors_are_as_wide_as_the_processor_has_them():
    source = "def twice(x):\n    wide()\n    for i in range(x.size):\n        x[i] = 2 * x[i]"
    twice = kernel_without_a_file(source, wide=wide_vectors)
    x = np.arange(100.0)
    twice(x)
    np.testing.assert_array_equal(x, 2 * np.arange(100.0))
    (code,) = twice.inspect_asm().values()
    assert "%zmm" in code
