"""Plant small faults at random into one module, and say which of them no test notices.

    python .ci/mutants.py companion/focal.py tests/test_focal.py tests/test_laws.py
    python .ci/mutants.py --sample 100 --seed 0 --jobs 2 companion/focal.py tests/test_focal.py …
    python .ci/mutants.py companion/_numpy/one_block.py tests/_numpy + engine=numba tests/_numpy

Each mutant is one change of the module's code: an operator, a comparison, a number, a condition, a
statement left out. It is tested in a copy of the project, the tests in the order in which they are
named, until one fails; those behind a + run in a process of their own, with the options named
there. The sample is the same for the same seed and the same code. A mutant that survives is a hole
in the tests, unless it computes the same: say why, when you leave it.
"""

import argparse
import ast
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SECONDS = 600  # for one mutant; one that runs longer counts as noticed
OTHER = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
NAMES = {
    "add": "subtract",
    "subtract": "add",
    "multiply": "divide",
    "divide": "multiply",
    "equal": "not_equal",
    "greater_equal": "greater",
    "maximum": "minimum",
    "minimum": "maximum",
    "fmax": "maximum",
    "max": "min",
    "min": "max",
    "all": "any",
    "any": "all",
    "add_": "sub_",
    "sub_": "add_",
    "mul_": "div_",
    "log1p": "log",
    "gt": "ge",
}


def places(tree):
    """Yield (line, what changes, function that changes it) for each mutant of a module."""
    silent = {id(node) for node in ast.walk(tree) for node in _said(node)}
    for node in ast.walk(tree):
        if id(node) in silent:
            continue
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.BinOp | ast.AugAssign | ast.BoolOp) and type(node.op) in OTHER:
            yield line, node, ("op", OTHER[type(node.op)]())
        elif isinstance(node, ast.Compare) and type(node.ops[0]) in OTHER:
            yield line, node, ("ops", [OTHER[type(node.ops[0])](), *node.ops[1:]])
        elif isinstance(node, ast.Attribute) and node.attr in NAMES:
            yield line, node, ("attr", NAMES[node.attr])
        elif isinstance(node, ast.Name) and node.id in NAMES and isinstance(node.ctx, ast.Load):
            yield line, node, ("id", NAMES[node.id])
        elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
            yield line, node, ("value", node.value + 1)
        elif isinstance(node, ast.Constant) and type(node.value) is bool:
            yield line, node, ("value", not node.value)
        elif isinstance(node, ast.UnaryOp):
            yield line, node, ("op", ast.UAdd() if isinstance(node.op, ast.USub) else ast.USub())
        elif isinstance(node, ast.If | ast.IfExp | ast.While):
            yield line, node, ("test", ast.Constant(False))
            yield line, node, ("test", ast.Constant(True))
        for field in ("body", "orelse"):
            block = getattr(node, field, None)
            for i, statement in enumerate(block if isinstance(block, list) else []):
                if isinstance(statement, ast.Expr | ast.AugAssign) and id(statement) not in silent:
                    yield statement.lineno, node, (field, [*block[:i], ast.Pass(), *block[i + 1 :]])


def _said(node):
    """Yield what is said and not done: messages, annotations, docstrings, `__all__`."""
    if isinstance(node, ast.Raise | ast.Assert | ast.JoinedStr):
        yield from ast.walk(node)
    for field in ("annotation", "returns"):
        if isinstance(getattr(node, field, None), ast.AST):
            yield from ast.walk(getattr(node, field))
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        yield from ast.walk(node)
    if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
        yield from ast.walk(node)


def mutants(source):
    """Return (line, before, after, source) of each mutant that is another program."""
    tree, found = ast.parse(source), []
    plain = ast.unparse(tree)
    for line, node, (field, new) in places(tree):
        old = getattr(node, field)
        setattr(node, field, new)
        try:
            changed = ast.unparse(ast.fix_missing_locations(tree))
            compile(changed, "mutant", "exec")
        except (SyntaxError, ValueError):
            changed = plain
        setattr(node, field, old)
        if changed != plain:
            found.append((line, *_difference(plain, changed), changed))
    return found


def _difference(plain, changed):
    for a, b in zip(plain.splitlines(), changed.splitlines(), strict=False):
        if a != b:
            return a.strip(), b.strip()
    return "", ""


def _run(folder, tests):
    """Test a copy; the exit status is pytest's."""
    os.chdir(folder)
    os.environ |= {"OMP_NUM_THREADS": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    sys.path[:] = [str(folder), *(path for path in sys.path if path not in ("", str(ROOT)))]
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    options = ["-x", "-q", "-p", "no:cacheprovider", "-o", "addopts=", "-W", "error"]
    os._exit(int(pytest.main([*options, *tests])))


def judge(processes, path, tests, mutant):
    """Return whether a test fails for this mutant."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        skip = shutil.ignore_patterns(f"{path.stem}.*.pyc")  # other bytecode saves time
        for name in ("companion", "tests"):
            shutil.copytree(ROOT / name, folder / name, ignore=skip)
        (folder / "conftest.py").write_text(
            "from hypothesis import settings\n"
            "from tests.tables.engines import pytest_addoption, pytest_configure\n"
            'settings.register_profile("m", derandomize=True, deadline=None, database=None)\n'
            'settings.load_profile("m")\n'
        )
        (folder / path).write_text(mutant, encoding="utf-8")
        for group in " ".join(tests).split(" + "):
            words = [f"--{word}" if "=" in word else word for word in group.split()]
            process = processes.Process(target=_run, args=(folder, words))
            process.start()
            process.join(SECONDS)
            process.kill()
            process.join()
            if process.exitcode != 0:
                return True
        return False


def main():
    """Test a sample of mutants and print those that survive."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("module", type=Path)
    parser.add_argument("tests", nargs="+")
    parser.add_argument("--sample", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    path = options.module.resolve().relative_to(ROOT)
    every = mutants((ROOT / path).read_text(encoding="utf-8"))
    chosen = every
    if len(every) > options.sample:
        chosen = random.Random(options.seed).sample(every, options.sample)
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(
        ["numpy", "numba", "torch", "sympy", "mpmath", "hypothesis", "pytest"]
    )
    if judge(processes, path, options.tests, (ROOT / path).read_text(encoding="utf-8")):
        sys.exit("the tests fail where nothing is planted")
    survive = 0
    with ThreadPoolExecutor(options.jobs) as pool:
        noticed = pool.map(lambda m: judge(processes, path, options.tests, m[-1]), chosen)
        for (line, before, after, _), seen in zip(chosen, noticed, strict=True):
            if not seen:
                survive += 1
                print(f"{path}:{line}: {before}  ->  {after}", flush=True)
    print(f"{path}: {len(chosen) - survive} of {len(chosen)} noticed ({len(every)} possible)")


if __name__ == "__main__":
    main()
