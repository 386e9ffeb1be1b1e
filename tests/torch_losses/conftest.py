"""What the tests of the twins share: every device that is there, and a compiler that forgets."""

from pathlib import Path

import pytest
import torch

# PyTorch warns of its own code in forward mode and in its compiler.
WARNINGS = [
    "ignore:.*autograd.function.Function.* should not be instantiated:DeprecationWarning",
    "ignore:.*torch.jit.*:DeprecationWarning",
]


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            for warning in WARNINGS:
                item.add_marker(pytest.mark.filterwarnings(warning))


@pytest.fixture(params=["cpu", *(["cuda"] if torch.cuda.is_available() else [])])
def device(request):
    return request.param


@pytest.fixture(autouse=True)
def _fresh_compiler():
    yield
    torch.compiler.reset()
