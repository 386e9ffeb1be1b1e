"""The companion obeys the rules for its layout, and each rule is seen failing."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from tests.guards.asserts import unsaid_tolerances
from tests.guards.layout import (
    ALLOWED,
    FOLDER_RULES,
    LONGEST,
    RETIRED,
    all_complaints,
    circle_complaints,
    code_lines,
    import_complaints,
    length_complaints,
    missing_tests,
    unfinished_complaints,
    unused_permissions,
)

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("rule", FOLDER_RULES, ids=lambda rule: rule.__name__)
def test_companion_obeys(rule):
    complaints = rule(ROOT / "companion")
    assert not complaints, "\n".join(complaints)


def test_every_permission_is_used(monkeypatch):
    assert unused_permissions(ROOT / "companion") == []
    monkeypatch.setitem(ALLOWED, "source", ({"binary"}, {"numpy"}))
    assert unused_permissions(ROOT / "companion") == [
        "source need not be allowed binary",
        "source need not be allowed numpy",
    ]


def test_every_module_has_its_test_file():
    complaints = missing_tests(ROOT / "companion", ROOT / "tests")
    assert not complaints, "\n".join(complaints)


def test_no_tolerance_of_the_tests_is_left_to_a_default():
    complaints = [
        f"{path.relative_to(ROOT)}: {complaint}"
        for path in sorted((ROOT / "tests").rglob("*.py"))
        for complaint in unsaid_tolerances(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not complaints, "\n".join(complaints)


@pytest.mark.parametrize(
    "check",
    [
        "pytest.approx(1e-20, rel=1e-3)",
        "pytest.approx(1e-20, 1e-3)",
        "np.isclose(a, b, 1e-9)",
        "mpmath.almosteq(a, b, 1e-45)",
        "np.isclose(a, b, rtol=1e-9)",
        "torch.allclose(a, b, rtol=1e-9)",
    ],
)
def test_tolerance_left_to_a_default_is_named(check):
    (complaint,) = unsaid_tolerances(ast.parse(f"assert x == {check}"))
    assert complaint.endswith(ast.unparse(ast.parse(check)))


# Planted faults -----------------------------------------------------------------------------------

FAULTS = {
    "a judge imports what it judges": (
        "reference",
        "from companion.binary import binary_cross_entropy",
        import_complaints,
        "reference imports companion.binary",
    ),
    "an import inside a function": (
        "symbolic",
        "def proof():\n    from companion import binary",
        import_complaints,
        "symbolic imports companion.binary",
    ),
    "an import inside a folder": (
        "symbolic/categorical",
        "from companion.binary import binary_cross_entropy",
        import_complaints,
        "symbolic.categorical imports companion.binary",
    ),
    "a twin that asks the NumPy losses": (
        "torch_losses/_logits",
        "from companion._numpy import elementwise",
        import_complaints,
        "torch_losses._logits imports companion._numpy",
    ),
    "a relative import": (
        "contracts",
        "from .elementary import sigmoid",
        import_complaints,
        "contracts imports companion.elementary",
    ),
    "a relative import of a module": (
        "contracts",
        "from . import elementary",
        import_complaints,
        "contracts imports companion.elementary",
    ),
    "a relative import out of a folder": (
        "plotting/_run",
        "from ..elementary import sigmoid",
        import_complaints,
        "plotting._run imports companion.elementary",
    ),
    "an import of a module by its full name": (
        "source",
        "import companion.binary as b",
        import_complaints,
        "source imports companion.binary",
    ),
    "the whole package": (
        "palette",
        "import companion",
        import_complaints,
        "palette imports companion",
    ),
    "a foreign package": (
        "binary",
        "def f():\n    import scipy.special",
        import_complaints,
        "binary imports scipy",
    ),
    "a foreign package in a folder": (
        "torch_losses/_pieces",
        "import numpy",
        import_complaints,
        "torch_losses._pieces imports numpy",
    ),
    "a module without a row": (
        "helpers",
        "",
        import_complaints,
        "helpers is not in the table of who may import whom",
    ),
    "a folder without a row": (
        "helpers/deep/inside",
        "",
        import_complaints,
        "helpers.deep.inside is not in the table of who may import whom",
    ),
    "no __all__": ("binary", "x = 1", all_complaints, "binary has no __all__"),
    "no __all__ in a folder": (
        "_numpy/binary",
        "x = 1",
        all_complaints,
        "_numpy.binary has no __all__",
    ),
    "a function left out": (
        "binary",
        "__all__ = []\ndef f(): ...",
        all_complaints,
        "binary: f is not in __all__",
    ),
    "a constant left out": (
        "binary",
        "__all__ = []\nLIMIT: int = 3",
        all_complaints,
        "binary: LIMIT is not in __all__",
    ),
    "a name not exported": (
        "__init__",
        "from companion.binary import f\n__all__ = []",
        all_complaints,
        "__init__: f is not in __all__",
    ),
    "a name without a definition": (
        "binary",
        "from math import log\n__all__ = ['log']",
        all_complaints,
        "binary: log is not defined",
    ),
    "one line too many": (
        "plotting/_use",
        '"""Doc."""\n\n# Why.\n' + "x = 1\n" * (LONGEST + 1),
        length_complaints,
        f"plotting._use has {LONGEST + 1} lines of code, at most {LONGEST} are allowed",
    ),
    "something left for later": (
        "binary",
        "x = 1\ny = 2  # TODO the rest",
        unfinished_complaints,
        "binary:2: y = 2  # TODO the rest",
    ),
    "no test file": (
        "binary",
        "def f(): ...",
        lambda folder: missing_tests(folder, folder / "tests"),
        "binary has no test_binary.py",
    ),
    "no test file for a room under the bonnet": (
        "torch_losses/_logits",
        "class F: ...",
        lambda folder: missing_tests(folder, folder / "tests"),
        "torch_losses._logits has no torch_losses/test_logits.py",
    ),
}


@pytest.mark.parametrize(("module", "source", "rule", "complaint"), FAULTS.values(), ids=FAULTS)
def test_planted_fault_is_named(tmp_path, module, source, rule, complaint):
    path = tmp_path / f"{module}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source)
    assert rule(tmp_path) == [complaint]


def test_a_circle_is_named(tmp_path):
    (tmp_path / "plotting").mkdir()
    (tmp_path / "plotting" / "_run.py").write_text("from companion.plotting._use import draw")
    (tmp_path / "plotting" / "_use.py").write_text("from companion.plotting import _run")
    assert circle_complaints(tmp_path) == [
        "plotting._run imports itself by way of others",
        "plotting._use imports itself by way of others",
    ]


@pytest.mark.parametrize("rule", FOLDER_RULES, ids=lambda rule: rule.__name__)
def test_a_module_without_a_fault_obeys(tmp_path, rule):
    (tmp_path / "_numpy").mkdir()
    (tmp_path / "_numpy" / "elementwise.py").write_text(
        '"""A module."""\n\nimport math\n\nimport numpy as np\n\n'
        "from companion.contracts import as_array\nfrom ..reduction import REDUCTIONS\n\n"
        '__all__ = ["LIMIT", "f"]\n\nLIMIT = 3\n\n\ndef f():\n    local = 1\n\n\n_hidden = 2\n'
    )
    assert rule(tmp_path) == []


def test_only_code_counts_as_lines_of_code():
    source = (
        '"""A module\nof two lines."""\n\n# A comment.\nx = 1  # and another\n\n'
        'def f():\n    """Doc."""\n    return """two\nlines"""\n\n\n'
        'LIMIT = 3\n"""Its docstring."""\n'
    )
    assert code_lines(source) == 5


# Importing ----------------------------------------------------------------------------------------


def loaded_by(statement):
    """Return what a fresh Python, where warnings are errors, loads beyond its own library."""
    code = (
        "import sys; before = set(sys.modules)\n"
        f"{statement}\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(*(new - set(sys.stdlib_module_names)))"
    )
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    return set(run.stdout.split())


def test_importing_the_companion_loads_numpy_alone():
    assert loaded_by("import companion") <= loaded_by("import numpy") | {"companion"}


@pytest.mark.parametrize("package", ["mpmath", "matplotlib"])
def test_a_package_loaded_with_the_companion_would_be_seen(package):
    assert package in loaded_by(f"import companion, {package}")


def test_importing_the_companion_takes_little_more_than_importing_numpy():
    code = (
        "import time, numpy; start = time.process_time(); import companion\n"
        "print(time.process_time() - start)"
    )
    seconds = min(
        float(subprocess.check_output([sys.executable, "-c", code], cwd=ROOT)) for _ in range(3)
    )
    # The promise is 0.2 s; of processor time, since a busy machine must not break it.
    assert seconds < 0.2


@pytest.mark.parametrize(("old", "new"), RETIRED.items())
def test_retired_name_warns_and_holds_what_its_successor_holds(old, new):
    sys.modules.pop(f"companion.{old}", None)
    successor = importlib.import_module(f"companion.{new}")
    with pytest.warns(DeprecationWarning, match=rf"companion\.{old} is now companion\.{new};"):
        module = importlib.import_module(f"companion.{old}")
    assert all(getattr(module, name) is getattr(successor, name) for name in successor.__all__)
