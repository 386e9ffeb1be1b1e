"""See the asserts of the chapters fail: plant faults before them, one at a time, and record which.

    python .ci/seen_failing.py                              # all chapters
    python .ci/seen_failing.py book/logits.ipynb            # one
    python .ci/seen_failing.py --check [--sample 4]         # repeat what is recorded

A fault is a change of one line: another operator, number, option or dtype, the opposite sign, one
added to what a function returns, or an axis; stored answers trade places. It is planted into the
cell of the assert, into a cell before it that gives it a value, or into the function of `companion`
that it calls, such as a proof. In the assert itself only what goes into a function, or comes out of
one, is changed: never what is compared with what, nor a tolerance. The cells from there to the
assert run in a copy of the process. What failed is kept in `book/_data/seen_failing.yml`: the site
puts a tick beside these asserts, and beside these alone.
"""

import argparse
import ast
import inspect
import json
import linecache
import os
import random
import select
import signal
import sys
import time
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import nbformat
import yaml

ROOT = Path(__file__).parents[1]
STORE = ROOT / "book/_data/seen_failing.yml"
SECONDS = 6  # for the run of a fault; more where the cells themselves take long
TRIES = 60  # faults for one cell or function
AHEAD = 8  # cells between a fault and the assert that it reaches
PATIENCE = {0: 120, AHEAD: 20}  # seconds for a chapter: the asserts' own cells, then those before
OTHER = {ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.Mult: ("*", "/"), ast.Div: ("/", "*")}
COMPARED = {ast.Lt: ("<", ">"), ast.Gt: (">", "<"), ast.LtE: ("<=", ">"), ast.GtE: (">=", "<")}
WORDS = {True: False, False: True, "mean": "sum", "sum": "mean", "none": "mean", None: 0}
DTYPES = {"float64": "float32", "float32": "float64", "float16": "float32", "int64": "float32"}
DTYPES |= {"bfloat16": "float32", "long": "float", "float": "long"}
# Stored answers, each given to the question before.
MOVED = "{{n: dict(zip(a, [*a.values()][1:] + [*a.values()][:1])) for n, a in {}.items()}}"
CHANCE = ("default_rng(", "manual_seed(", "seed=", "random_state=")  # another seed is no fault
# What compares, counts or converts: its answer is the check, not what is checked.
CHECKERS = {
    *("abs", "all", "allclose", "any", "approx", "array_equal", "astype", "bool", "dict", "equal"),
    *("float", "fabs", "getattr", "int", "is_finite", "isclose", "isfinite", "isinf", "isinstance"),
    *("isnan", "item", "items", "keys", "len", "list", "max", "maximum", "min", "print", "range"),
    *("round", "set", "sorted", "str", "sum", "tolist", "tuple", "values", "zip", "type", "next"),
}
TOLERANCES = {"rtol", "atol", "rel", "abs", "err_msg", "equal_nan", "tol", "rel_tol", "abs_tol"}


@dataclass(frozen=True)
class Fault:
    """One line, changed: of a cell, by its id, or of a function of the package, by its name."""

    place: str
    line: int
    old: str
    new: str

    def into(self, source):
        """Return the source with the fault; it must be where it was."""
        lines = source.splitlines()
        if self.line > len(lines) or lines[self.line - 1].strip() != self.old:
            raise LookupError(f"{self.place}, line {self.line} is not {self.old!r}")
        full = lines[self.line - 1]
        lines[self.line - 1] = full[: len(full) - len(full.lstrip())] + self.new
        return "\n".join(lines)


def code_cells(path):
    """Return (id, source) of each code cell, magics taken out."""
    cells = nbformat.read(path, as_version=4).cells
    return [
        (cell.id, "\n".join("pass" if line.startswith(("%", "!")) else line
                            for line in cell.source.splitlines()))
        for cell in cells if cell.cell_type == "code"
    ]  # fmt: skip


def checks(source):
    """Return the line and the node of each assert, by its place among those of the cell."""
    return [
        (node.lineno, node)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Assert)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
            and _name(node.value.func).startswith("assert_"))
    ]  # fmt: skip


def _name(function):
    return getattr(function, "attr", getattr(function, "id", ""))


# Faults -------------------------------------------------------------------------------------------


def faults(place, source):
    """Return the faults of a piece of code, those before its asserts first."""
    tree, lines = ast.parse(source), source.splitlines()
    asserted = {id(n) for n in ast.walk(tree) if _is_check(n) for n in ast.walk(n)}
    free = {id(n) for check in ast.walk(tree) if _is_check(check) for n in _inputs(check)}
    parents = {id(child): node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    before, inside = [], []
    for node in ast.walk(tree):
        if id(node) in asserted and id(node) not in free:
            continue
        if any(word in lines[getattr(node, "lineno", 1) - 1] for word in CHANCE):
            continue
        found = inside if id(node) in asserted else before
        for first, last, text in _changes(node, parents.get(id(node)), lines):
            row = node.lineno - 1
            old = lines[row].encode()
            new = (old[:first] + text.encode() + old[last:]).decode()
            changed = [*lines[:row], new, *lines[row + 1 :]]
            try:
                compile("\n".join(changed), "fault", "exec")
            except (SyntaxError, ValueError):
                continue
            found.append(Fault(place, row + 1, lines[row].strip(), new.strip()))
    return [*dict.fromkeys(before), *dict.fromkeys(inside)]


def _is_check(node):
    return isinstance(node, ast.Assert) or (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and _name(node.value.func).startswith("assert_")
    )


def _inputs(check):
    """Yield what may be changed of an assert: calls of what is checked, and what goes into them."""
    for call in ast.walk(check):
        name = _name(call.func) if isinstance(call, ast.Call) else ""
        if not name or name in CHECKERS or name.startswith("assert_"):
            continue
        yield call
        for argument in chain(call.args, call.keywords):
            if getattr(argument, "arg", None) not in TOLERANCES:
                yield from ast.walk(argument)


def _changes(node, parent, lines):
    """Yield (first byte, last byte, new text) in the line of a node."""
    if getattr(node, "lineno", 0) == 0 or node.lineno != node.end_lineno:
        return
    line = lines[node.lineno - 1].encode()
    start, end = node.col_offset, node.end_col_offset
    text = line[start:end].decode()
    if isinstance(parent, ast.JoinedStr | ast.FormattedValue):
        return
    if isinstance(node, ast.BinOp) and type(node.op) in OTHER:
        yield from _between(node.left, node.right, line, *OTHER[type(node.op)])
    elif isinstance(node, ast.Compare) and type(node.ops[0]) in COMPARED:
        yield from _between(node.left, node.comparators[0], line, *COMPARED[type(node.ops[0])])
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
        yield start, end, repr(node.value + 1)
        if type(node.value) is int and node.value > 0:
            yield start, end, repr(node.value - 1)
    elif isinstance(node, ast.Constant) and node.value in WORDS:
        yield start, end, repr(WORDS[node.value])
    elif isinstance(node, ast.Attribute) and node.attr in DTYPES:
        yield start, end, f"{text.rpartition('.')[0]}.{DTYPES[node.attr]}"
    elif isinstance(node, ast.Subscript) and isinstance(parent, ast.Assign) and text[:5] == "data[":
        yield start, end, MOVED.format(text)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield start, end, text[1:]
    elif isinstance(node, ast.Call) and _name(node.func) not in CHECKERS:
        if not isinstance(parent, ast.Expr | ast.Attribute | ast.Subscript | ast.withitem):
            yield start, end, f"-{text}"
            yield start, end, f"({text} + 1)"
        if not isinstance(parent, ast.Expr | ast.withitem):
            yield start, end, f"{text}[None]"
        for argument in node.args:
            plain = isinstance(argument, ast.Name | ast.Subscript | ast.Attribute)
            if plain and argument.lineno == argument.end_lineno == node.lineno:
                yield argument.col_offset, argument.col_offset, "-"
    elif isinstance(node, ast.Name) and isinstance(parent, ast.Return | ast.BinOp):
        yield start, end, f"-{text}"


def _between(left, right, line, old, new):
    if left.end_lineno == right.lineno:
        first, last = left.end_col_offset, right.col_offset
        gap = line[first:last].decode()
        if gap.count(old) == 1:
            yield first, last, gap.replace(old, new)


# Running ------------------------------------------------------------------------------------------


class Watch(ast.NodeTransformer):
    """Let each assert that fails say so, and go on."""

    def __init__(self, cell):
        self.cell = cell

    def generic_visit(self, node):
        """Put a check into a try of its own."""
        super().generic_visit(node)
        if not _is_check(node):
            return node
        said = ast.parse(f"__failed__({self.cell!r}, {node.lineno})").body
        caught = ast.ExceptHandler(ast.Name("AssertionError", ast.Load()), None, said)
        watched = ast.Try([node], [caught], [], [])
        return ast.fix_missing_locations(ast.copy_location(watched, node))


def run(cell, source, names):
    """Run a cell; what it raises is part of it."""
    name = f"<{cell}>"
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    try:
        exec(compile(Watch(cell).visit(ast.parse(source)), name, "exec"), names)
    except Exception:
        return False
    return True


def fresh_names(failed):
    """Return the names that a first cell finds."""
    return {
        "__name__": "__main__",
        "__failed__": lambda cell, line: failed.add((cell, line)),
        "display": lambda *args, **kwargs: None,
        "get_ipython": lambda: None,
    }


def in_a_copy(task, seconds):
    """Run a task in a fork; return what it adds to a set, an empty one where it takes too long."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.setsid()
        os.close(reading)
        try:
            answer = json.dumps(sorted(task())).encode()
        except BaseException:
            answer = b"[]"
        os.write(writing, answer)
        os._exit(0)
    os.close(writing)
    ready, _, _ = select.select([reading], [], [], seconds)
    answer = os.read(reading, 1 << 20) if ready else b""
    os.close(reading)
    try:
        os.killpg(child, signal.SIGKILL)
    except ProcessLookupError:
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return {tuple(each) for each in json.loads(answer or b"[]")}


class Chapter:
    """A notebook that is run cell by cell, with faults tried at each."""

    def __init__(self, path, patience=1):
        self.path, self.cells, self.patience = path, code_cells(path), patience
        self.failed = set()
        self.names = fresh_names(self.failed)
        self.took = {}

    def checks(self):
        """Return {(cell, line): text of the line} of all asserts, in order."""
        return {
            (cell, line): source.splitlines()[line - 1].strip()
            for cell, source in self.cells
            for line in sorted({line for line, _ in checks(source)})
        }

    def step(self, index):
        """Run a cell as it is."""
        start = time.perf_counter()
        run(*self.cells[index], self.names)
        self.took[index] = time.perf_counter() - start

    def seconds(self, cells):
        """Return how long the run of a fault in these cells may take."""
        return self.patience * SECONDS + 3 * sum(self.took.get(i, 2) for i in cells)

    def failing(self, fault, index, last):
        """Return the asserts that fail with a fault from cell `index` up to cell `last`."""

        def task():
            self.failed.clear()
            if fault.place.startswith("companion."):
                plant(fault)
            for i in range(index, last + 1):
                cell, source = self.cells[i]
                run(cell, fault.into(source) if fault.place == cell else source, self.names)
            return self.failed

        return in_a_copy(task, self.seconds(range(index, last + 1)))


def plant(fault):
    """Redefine a function of the package with a fault."""
    room, _, name = fault.place.rpartition(".")
    function = inspect.unwrap(getattr(sys.modules[room], name))
    source = fault.into(inspect.getsource(function))
    linecache.cache[fault.place] = (len(source), None, source.splitlines(True), fault.place)
    exec(compile(source, fault.place, "exec"), function.__globals__)
    changed = function.__globals__[name]
    for module in [m for m in sys.modules.values() if getattr(m, name, None) is function]:
        setattr(module, name, changed)


def called(source, names):
    """Yield the functions of the package that the asserts of a cell call, by their full names."""
    for _, check in checks(source):
        for call in ast.walk(check):
            if isinstance(call, ast.Call):
                try:
                    function = eval(ast.unparse(call.func), names)
                    inspect.getsource(function)
                except Exception:
                    continue
                room = getattr(function, "__module__", None) or ""
                if room.startswith("companion") and inspect.isfunction(function):
                    yield f"{room}.{function.__name__}", function, call


def search(path, log):
    """Return {(cell, line): (text, fault)}: own cells and functions first, then cells before."""
    found = {}
    for ahead, patience in PATIENCE.items():
        chapter, until = Chapter(path), time.perf_counter() + patience
        wanted = chapter.checks()
        if not wanted.keys() - found.keys():
            break
        places = {cell: i for i, (cell, _) in enumerate(chapter.cells)}
        for index, (cell, source) in enumerate(chapter.cells):
            reads = ahead and "json.loads" in source  # whose answers all cells below may use
            far = len(chapter.cells) if reads else ahead
            near = [c for c in wanted if c not in found and 0 <= places[c[0]] - index <= far]
            if ahead and not reads:
                given = _given(source)
                near = [c for c in near if given & _used(chapter.cells[places[c[0]]][1])]
            tries = faults(cell, source) if near else []
            if near and not ahead:
                for full, function, _ in called(source, chapter.names | _imports(source)):
                    text = inspect.getsource(inspect.unwrap(function))
                    tries += faults(full, text)[:TRIES] if text.startswith("def") else []
            random.Random(0).shuffle(tries)
            before = [f for f in tries if f.place == cell and "assert" not in f.old]
            rest = [f for f in tries if f not in before]
            tries = [*before[:12], *rest[:20], *before[12:], *rest[20:]]
            left = set(near)
            for fault in tries[:TRIES]:
                if not left or time.perf_counter() > until:
                    break
                last = max(places[c[0]] for c in left)
                for check in chapter.failing(fault, index, last) & left:
                    found[check] = fault
                    left.discard(check)
            chapter.step(index)
            for check in chapter.failed:  # fails as it stands, and says so: not a check
                wanted.pop(check, None)
                found.pop(check, None)
        log(f"{path.stem}: {len(found)} of {len(wanted)} after pass {1 + (ahead > 0)}")
    return {check: (wanted[check], found[check]) for check in wanted if check in found}


def _given(source):
    tree = ast.parse(source)
    stored = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and not _loads(n)}
    return stored | {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}


def _used(source):
    return {n.id for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Name) and _loads(n)}


def _loads(name):
    return isinstance(name.ctx, ast.Load)


def _imports(source):
    names = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            exec(ast.unparse(node), names)
    return names


# What is kept -------------------------------------------------------------------------------------


def stored():
    """Return the records by chapter."""
    return yaml.safe_load(STORE.read_text(encoding="utf-8")) or {} if STORE.exists() else {}


def store(records):
    """Write them, in the order of the chapters' names."""
    head = "# Asserts that were seen failing, each with the fault: made by .ci/seen_failing.py.\n"
    style = {"sort_keys": False, "allow_unicode": True, "width": 1000}
    text = yaml.safe_dump(dict(sorted(records.items())), **style)
    STORE.write_text(head + text, encoding="utf-8")


def record(check, text, fault):
    """Return an assert and its fault as they are kept."""
    planted = {"in": fault.place, "line": fault.line, "from": fault.old, "to": fault.new}
    return {"cell": check[0], "line": check[1], "assert": text, "planted": planted}


def repeat(path, records):
    """Plant again what is recorded; return the records whose assert does not fail."""
    chapter = Chapter(path, patience=20)  # each of these has come to its end once
    places = {cell: i for i, (cell, _) in enumerate(chapter.cells)}
    due, missed = {}, []
    for each in records:
        p = each["planted"]
        start = places.get(p["in"], places.get(each["cell"]))
        if start is None or (each["cell"], each["line"]) not in chapter.checks():
            missed.append(each)
        else:
            due.setdefault(start, []).append((each, Fault(p["in"], p["line"], p["from"], p["to"])))
    for index in range(max(due, default=-1) + 1):
        for each, fault in due.get(index, []):
            check = (each["cell"], each["line"])
            if check not in chapter.failing(fault, index, places[each["cell"]]):
                missed.append(each)
        chapter.step(index)
    return missed


def kept(path, old, new):
    """Return new records and, of the old ones, those that still hold: a search may be unlucky."""
    have = {(each["cell"], each["line"]) for each in new}
    rest = [each for each in old if (each["cell"], each["line"]) not in have]
    missed = repeat(path, rest)
    order = list(Chapter(path).checks())
    both = [*new, *(each for each in rest if each not in missed)]
    return sorted(both, key=lambda each: order.index((each["cell"], each["line"])))


def main():
    """Search or repeat, chapter by chapter."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="*", type=Path)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--sample", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--patience", type=int, default=PATIENCE[0], help="seconds for a chapter")
    options = parser.parse_args()
    PATIENCE[0] = options.patience
    out = os.fdopen(os.dup(1), "w")

    def log(text):
        print(text, file=out, flush=True)

    paths = [p.resolve() for p in options.notebooks] or sorted((ROOT / "book").glob("*.ipynb"))
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    os.environ |= {"MPLBACKEND": "Agg", "OMP_NUM_THREADS": "1"}
    os.chdir(ROOT / "book")
    sys.path.insert(0, str(ROOT))
    records, bad = stored(), 0
    for path in paths:
        if options.check:
            chosen = records.get(path.stem, [])
            if options.sample is not None and len(chosen) > options.sample:
                chosen = random.Random(options.seed).sample(chosen, options.sample)
            missed = repeat(path, chosen)
            bad += len(missed)
            log(f"{path.stem}: {len(chosen) - len(missed)} of {len(chosen)} fail again")
            for each in missed:
                log(f"  does not: {each['assert']} under {each['planted']}")
        else:
            found = search(path, log)
            new = [record(c, text, fault) for c, (text, fault) in found.items()]
            new = kept(path, records.get(path.stem, []), new)
            store({name: each for name, each in {**stored(), path.stem: new}.items() if each})
            every = Chapter(path).checks()
            for check in every.keys() - {(each["cell"], each["line"]) for each in new}:
                log(f"  not seen failing: {every[check]}")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
