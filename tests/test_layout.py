"""The layout of the companion: who may import whom, and what every module has to have.

`ALLOWED` is the table. A new module needs its row here; each rule is seen failing below.
"""

import ast
import io
import re
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

LOSSES = {"binary", "categorical"}
JUDGES = {"symbolic", "reference", "gradient_check"}
# A module, then what it may import of ours and of others, the standard library aside.
ALLOWED = {
    "__init__": ({"elementary", "reduction", *LOSSES}, set()),
    "contracts": (set(), {"numpy"}),
    "elementary": (
        {"contracts", "blockwise", "classwise", "categorical_formulas"},
        {"numpy"},
    ),
    "reduction": ({"contracts"}, {"numpy"}),
    "blockwise": ({"contracts"}, {"numpy"}),
    "binary_formulas": (set(), {"numpy"}),
    "binary_evaluation": ({"reduction", "blockwise", "contracts", "binary_formulas"}, {"numpy"}),
    "binary": ({"binary_evaluation", "binary_formulas"}, {"numpy"}),
    "classwise": ({"blockwise"}, {"numpy"}),
    "categorical_formulas": (set(), {"numpy"}),
    "categorical_evaluation": (
        {"reduction", "blockwise", "contracts", "categorical_formulas", "classwise"},
        {"numpy"},
    ),
    "categorical": ({"categorical_evaluation", "contracts", "elementary"}, {"numpy"}),
    "logistic_regression": ({*LOSSES, "contracts", "elementary"}, {"numpy"}),
    "estimator": ({"elementary", "logistic_regression"}, {"numpy", "sklearn"}),
    "torch_losses": (
        {"contracts", "torch_contracts", "torch_formulas", "torch_loops"},
        {"torch"},
    ),
    "torch_formulas": ({"torch_autograd", "torch_loops"}, {"torch"}),
    "torch_contracts": ({"torch_autograd"}, {"torch"}),
    "torch_autograd": (set(), {"torch"}),
    "torch_loops": (set(), {"torch"}),
    "symbolic": (set(), {"sympy"}),
    "symbolic_categorical": ({"symbolic"}, {"sympy"}),
    "reference": (set(), {"mpmath", "numpy"}),
    "judge_contracts": (set(), {"numpy"}),
    "finite_differences": ({"judge_contracts"}, {"numpy"}),
    "gradient_check": ({"finite_differences", "judge_contracts"}, {"numpy"}),
    "palette": (set(), {"matplotlib", "matplotlib_inline"}),
    "plotting": ({"palette"}, {"matplotlib", "numpy"}),
    "plotting_run": ({"palette", "plotting"}, {"matplotlib", "numpy"}),
    "plotting_use": ({"palette", "plotting"}, {"matplotlib", "numpy"}),
    "source": (set(), set()),
    "clinic": (JUDGES | LOSSES, {"numpy"}),
    "exercises": (JUDGES | LOSSES, {"numpy"}),
}
LONGEST = 250  # lines of code


def imports(tree):
    """Yield the modules that a file imports, wherever it does, as (top level, what of ours)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = ".".join(filter(None, ["companion" if node.level else "", node.module]))
            if module == "companion":
                names = [f"companion.{alias.name}" for alias in node.names]
            else:
                names = [module]
        else:
            continue
        for name in names:
            top, _, rest = name.partition(".")
            yield top, rest.partition(".")[0]


def import_complaints(folder):
    """Every import is one that the table allows."""
    complaints = []
    for path in sorted(folder.glob("*.py")):
        if path.stem not in ALLOWED:
            complaints.append(f"{path.name} is not in the table of who may import whom")
            continue
        ours, others = ALLOWED[path.stem]
        for top, rest in sorted(set(imports(ast.parse(path.read_text(encoding="utf-8"))))):
            if top == "companion":
                if rest not in ours:
                    complaints.append(f"{path.name} imports companion.{rest}".rstrip("."))
            elif top not in others and top not in sys.stdlib_module_names:
                complaints.append(f"{path.name} imports {top}")
    return complaints


def missing_tests(folder, tests):
    """Every module has its test file."""
    return [
        f"{path.name} has no test_{path.name}"
        for path in sorted(folder.glob("[!_]*.py"))
        if not (tests / f"test_{path.name}").exists()
    ]


def all_complaints(folder):
    """`__all__` names the public definitions of a module, or what the package re-exports."""
    complaints = []
    for path in sorted(folder.glob("*.py")):
        listed, public = None, set()
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = []
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                names = [node.name]
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                names = [leaf.id for t in targets for leaf in ast.walk(t)
                         if isinstance(leaf, ast.Name)]  # fmt: skip
            elif isinstance(node, ast.ImportFrom) and path.stem == "__init__":
                names = [alias.asname or alias.name for alias in node.names]
            public.update(name for name in names if not name.startswith("_"))
            if names == ["__all__"]:
                listed = ast.literal_eval(node.value)
        if listed is None:
            complaints.append(f"{path.name} has no __all__")
            continue
        complaints += [f"{path.name}: {n} is not in __all__" for n in sorted(public - {*listed})]
        complaints += [f"{path.name}: {n} is not defined" for n in sorted({*listed} - public)]
    return complaints


def code_lines(source):
    """Count the lines of code: not the blank ones, the comments and the docstrings."""
    nothing = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    lines = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in {*nothing, tokenize.ENDMARKER}:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        body = getattr(node, "body", None)
        for statement in body if isinstance(body, list) else []:
            # A string that is a statement of its own: a docstring, of a constant too.
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                lines.difference_update(range(statement.lineno, statement.end_lineno + 1))
    return len(lines)


def length_complaints(folder):
    """No module is longer than one idea."""
    lengths = {path: code_lines(path.read_text(encoding="utf-8")) for path in folder.glob("*.py")}
    return [
        f"{path.name} has {length} lines of code, at most {LONGEST} are allowed"
        for path, length in sorted(lengths.items())
        if length > LONGEST
    ]


def unfinished_complaints(folder):
    """Nothing is left for later."""
    return [
        f"{path.name}:{number}: {line.strip()}"
        for path in sorted(folder.glob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if re.search(r"\b(?:TODO|FIXME|XXX)\b", line)
    ]


FOLDER_RULES = [import_complaints, all_complaints, length_complaints, unfinished_complaints]


@pytest.mark.parametrize("rule", FOLDER_RULES, ids=lambda rule: rule.__name__)
def test_companion_obeys(rule):
    complaints = rule(ROOT / "companion")
    assert not complaints, "\n".join(complaints)


def test_every_module_has_its_test_file():
    complaints = missing_tests(ROOT / "companion", ROOT / "tests")
    assert not complaints, "\n".join(complaints)


# Planted faults -----------------------------------------------------------------------------------

FAULTS = {
    "a judge imports what it judges": (
        "reference",
        "from companion.binary import binary_cross_entropy",
        import_complaints,
        "reference.py imports companion.binary",
    ),
    "an import inside a function": (
        "symbolic",
        "def proof():\n    from companion import binary",
        import_complaints,
        "symbolic.py imports companion.binary",
    ),
    "a relative import": (
        "contracts",
        "from .elementary import sigmoid",
        import_complaints,
        "contracts.py imports companion.elementary",
    ),
    "a relative import of a module": (
        "contracts",
        "from . import elementary",
        import_complaints,
        "contracts.py imports companion.elementary",
    ),
    "an import of a module by its full name": (
        "plotting",
        "import companion.binary as b",
        import_complaints,
        "plotting.py imports companion.binary",
    ),
    "the whole package": (
        "plotting",
        "import companion",
        import_complaints,
        "plotting.py imports companion",
    ),
    "a foreign package": (
        "binary",
        "def f():\n    import scipy.special",
        import_complaints,
        "binary.py imports scipy",
    ),
    "a module without a row": (
        "helpers",
        "",
        import_complaints,
        "helpers.py is not in the table of who may import whom",
    ),
    "no __all__": ("binary", "x = 1", all_complaints, "binary.py has no __all__"),
    "a function left out": (
        "binary",
        "__all__ = []\ndef f(): ...",
        all_complaints,
        "binary.py: f is not in __all__",
    ),
    "a constant left out": (
        "binary",
        "__all__ = []\nLIMIT: int = 3",
        all_complaints,
        "binary.py: LIMIT is not in __all__",
    ),
    "a name not exported": (
        "__init__",
        "from companion.binary import f\n__all__ = []",
        all_complaints,
        "__init__.py: f is not in __all__",
    ),
    "a name without a definition": (
        "binary",
        "from math import log\n__all__ = ['log']",
        all_complaints,
        "binary.py: log is not defined",
    ),
    "one line too many": (
        "binary",
        '"""Doc."""\n\n# Why.\n' + "x = 1\n" * (LONGEST + 1),
        length_complaints,
        f"binary.py has {LONGEST + 1} lines of code, at most {LONGEST} are allowed",
    ),
    "something left for later": (
        "binary",
        "x = 1\ny = 2  # TODO the rest",
        unfinished_complaints,
        "binary.py:2: y = 2  # TODO the rest",
    ),
    "no test file": (
        "binary",
        "",
        lambda folder: missing_tests(folder, folder),
        "binary.py has no test_binary.py",
    ),
}


@pytest.mark.parametrize(("module", "source", "rule", "complaint"), FAULTS.values(), ids=FAULTS)
def test_planted_fault_is_named(tmp_path, module, source, rule, complaint):
    (tmp_path / f"{module}.py").write_text(source)
    assert rule(tmp_path) == [complaint]


@pytest.mark.parametrize("rule", FOLDER_RULES, ids=lambda rule: rule.__name__)
def test_a_module_without_a_fault_obeys(tmp_path, rule):
    (tmp_path / "binary_evaluation.py").write_text(
        '"""A module."""\n\nimport math\n\nimport numpy as np\n\n'
        "from companion.contracts import as_array\nfrom .reduction import REDUCTIONS\n\n"
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
