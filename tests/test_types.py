"""The package passes the type checker, and its public functions do not answer with `Any`."""

import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.guards.layout import modules

ROOT = Path(__file__).parents[1]
PUBLIC = [
    name
    for name in modules(ROOT / "companion")
    if not any(part.startswith("_") for part in name.split("."))
    and name != "contracts"  # the door of the others, whose lists hold arrays and None
]


def checked(*files):
    """Return the exit status of the type checker and what it said."""
    command = [sys.executable, "-m", "pyrefly", "check", *map(str, files)]
    options = ["--python-interpreter-path", sys.executable, "--output-format", "min-text"]
    # A file elsewhere finds no configuration, and without one little is checked.
    options += ["--config", str(ROOT / "pyproject.toml")]
    run = subprocess.run(
        [*command, *options], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return run.returncode, run.stdout + run.stderr


def test_package_and_typed_calls_pass_the_type_checker():
    status, said = checked()
    assert status == 0, said


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("assert_type(companion.sigmoid(0.5), int)", "assert-type"),
        ("assert_type(companion.as_if_there_were_such_a_name, int)", "missing-attribute"),
        ("companion.binary_cross_entropy([0.5], [1], wieght=2.0)", "unexpected-keyword"),
        ("companion.binary_cross_entropy([0.5], [1]).backward()", "missing-attribute"),
    ],
)
def test_wrong_use_does_not_pass(line, complaint, tmp_path):
    path = tmp_path / "use.py"
    path.write_text(f"from typing import assert_type\n\nimport companion\n\n{line}\n")
    status, said = checked(path, f"--search-path={ROOT}")
    assert status != 0
    assert f"[{complaint}]" in said


def answers_of(module):
    """Yield the name and the annotated answer of each public function, method and property."""
    for name in module.__all__:
        member = getattr(module, name)
        if inspect.isfunction(member):
            yield name, member
        elif inspect.isclass(member) and member.__module__.startswith("companion"):
            for inner, method in vars(member).items():
                function = method.fget if isinstance(method, property) else method
                if inspect.isfunction(function) and not inner.startswith("_"):
                    yield f"{name}.{inner}", function


@pytest.mark.parametrize("name", PUBLIC)
def test_no_public_function_answers_with_any(name):
    if name == "estimator":
        pytest.importorskip("sklearn")
    module = importlib.import_module("companion" if name == "__init__" else f"companion.{name}")
    unknown = []
    for member, function in answers_of(module):
        answer = str(function.__annotations__.get("return", "Any"))
        if re.search(r"\bAny\b", answer):
            unknown.append(member)
    assert unknown == []
