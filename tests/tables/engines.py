"""The engine that pytest tests: `--engine numba` runs the same tests on the compiled one."""

import pytest

from companion import engine

__all__ = ["INSIDE_NUMPY", "pytest_addoption", "pytest_configure"]


def pytest_addoption(parser):
    parser.addoption("--engine", choices=engine.ENGINES, help="run the NumPy losses on this engine")


def pytest_configure(config):
    if config.getoption("--engine"):
        engine.use(config.getoption("--engine"))


INSIDE_NUMPY = pytest.mark.skipif(
    "config.getoption('--engine', None) == 'numba'", reason="looks inside the NumPy engine"
)
"""Marks a test of how the NumPy engine does it; what every engine promises bears no mark."""
