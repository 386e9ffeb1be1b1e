"""The rules for the layout of the companion: who may import whom, what every module must have.

`ALLOWED` is the table, a row for each room: a module or folder of `companion`. A new room needs its
row here.
"""

import ast
import io
import re
import sys
import tokenize

LOSSES = {"binary", "categorical", "focal"}
# A room, then which rooms it may use besides `contracts` and itself, and which packages of others,
# the standard library aside.
ALLOWED = {
    "__init__": ({"elementary", "reduction", "versions", *LOSSES}, set()),
    "_mends": (set(), {"numpy"}),
    "contracts": ({"_mends"}, {"numpy"}),
    "reduction": (set(), {"numpy"}),
    # It imports _numba by name, when it is asked to.
    "engine": (set(), set()),
    "_numba": (set(), {"llvmlite", "numba", "numpy"}),
    "_numpy": ({"engine", "reduction"}, {"numpy"}),
    "elementary": ({"_numpy"}, {"numpy"}),
    "binary": ({"_numpy"}, {"numpy"}),
    "categorical": ({"_numpy", "elementary"}, {"numpy"}),
    "focal": ({"_numpy", "reduction"}, {"numpy"}),
    "torch_losses": ({"_mends"}, {"torch"}),
    "symbolic": (set(), {"sympy"}),
    "reference": (set(), {"mpmath", "numpy"}),
    "_differences": (set(), {"numpy"}),
    "gradient_check": ({"_differences"}, {"numpy"}),
    "_logistic": ({"binary"}, {"numpy"}),
    "logistic_regression": ({"_logistic", "elementary"}, {"numpy"}),
    "estimator": ({"elementary", "logistic_regression"}, {"numpy", "sklearn"}),
    "_phones": (set(), {"matplotlib", "matplotlib_inline", "numpy"}),
    "palette": ({"_phones"}, {"matplotlib", "matplotlib_inline"}),
    # The clinic asks the judges what is right; a loss of the user's is all that it judges.
    "clinic": ({"elementary", "reference"}, {"mpmath", "numpy"}),
    "__main__": ({"clinic"}, set()),
    "plotting": ({"palette"}, {"matplotlib", "numpy"}),
    "source": (set(), set()),
    "versions": ({"engine"}, set()),
}
# The names of version 0.1 whose contents moved: each only warns and imports its successor.
RETIRED = {
    "plotting_run": "plotting",
    "plotting_use": "plotting",
    "symbolic_categorical": "symbolic.categorical",
}
# Folders whose modules are the rows of one table, tested together.
TABLES = {"clinic.findings"}
LONGEST = 250  # lines of code


def modules(folder):
    """Return the path of each module in a package and its folders, by its name in the package."""
    paths = {}
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        name = ".".join(parts if parts[-1] != "__init__" else parts[:-1]) or "__init__"
        if name not in RETIRED:
            paths[name] = path
    return paths


def parse(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(name, path):
    """Yield the full name of each module or name that a module imports, wherever it does."""
    package = name.split(".") if path.stem == "__init__" else name.split(".")[:-1]
    package = ["companion", *package] if name != "__init__" else ["companion"]
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            for alias in node.names:
                yield ".".join([*base, *filter(None, [node.module]), alias.name])


def ours(folder, name, path):
    """Return the modules of the package that a module imports; "" is the package itself."""
    known, found = modules(folder), set()
    for full in imported(name, path):
        top, _, inner = full.partition(".")
        if top == "companion":
            # A name that is no module was imported from the module before the last dot.
            while inner and inner not in known and inner.split(".")[0] not in ALLOWED:
                inner = inner.rpartition(".")[0]
            while "." in inner and inner not in known:
                inner = inner.rpartition(".")[0]
            found.add(inner)
    return found - {name}


def import_complaints(folder):
    """Every import is one that the table allows."""
    complaints = []
    for name, path in modules(folder).items():
        room = name.partition(".")[0]
        if room not in ALLOWED:
            complaints.append(f"{name} is not in the table of who may import whom")
            continue
        rooms, others = ALLOWED[room]
        for target in sorted(ours(folder, name, path)):
            if target.partition(".")[0] not in {*rooms, room, "contracts"}:
                complaints.append(f"{name} imports companion.{target}".rstrip("."))
        foreign = {full.partition(".")[0] for full in imported(name, path)} - {"companion"}
        for top in sorted(foreign - others - set(sys.stdlib_module_names)):
            complaints.append(f"{name} imports {top}")
    return complaints


def unused_permissions(folder):
    """Every permission of the table is used."""
    used = {}
    for name, path in modules(folder).items():
        foreign = {full.partition(".")[0] for full in imported(name, path)}
        rooms = {target.partition(".")[0] for target in ours(folder, name, path)}
        used.setdefault(name.partition(".")[0], set()).update(foreign | rooms)
    return [
        f"{room} need not be allowed {other}"
        for room, (rooms, others) in ALLOWED.items()
        for other in sorted((rooms | others) - used.get(room, set()))
    ]


def circle_complaints(folder):
    """No module imports itself by way of others."""
    arrows = {name: ours(folder, name, path) for name, path in modules(folder).items()}
    reached = dict(arrows)
    for _ in arrows:
        reached = {
            name: found.union(*(reached.get(other, set()) for other in found))
            for name, found in reached.items()
        }
    return [f"{name} imports itself by way of others" for name in arrows if name in reached[name]]


def missing_tests(folder, tests):
    """Every module that defines something has its test file, in the same place."""
    complaints = []
    for name, path in modules(folder).items():
        *places, stem = name.split(".")
        if ".".join(places) in TABLES:
            *places, stem = places
        test = tests.joinpath(*places, f"test_{stem.strip('_')}.py")
        defines = any(isinstance(n, ast.FunctionDef | ast.ClassDef) for n in parse(path).body)
        if defines and not test.exists():
            complaints.append(f"{name} has no {test.relative_to(tests).as_posix()}")
    return complaints


def all_complaints(folder):
    """`__all__` names the public definitions of a module, and what a package hands on."""
    complaints = []
    for name, path in modules(folder).items():
        listed, public, handed_on = None, set(), set()
        for node in parse(path).body:
            names = []
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                names = [node.name]
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                names = [leaf.id for t in targets for leaf in ast.walk(t)
                         if isinstance(leaf, ast.Name)]  # fmt: skip
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("companion"):
                handed_on |= {alias.asname or alias.name for alias in node.names}
            public.update(name for name in names if not name.startswith("_"))
            if names == ["__all__"]:
                listed = set(ast.literal_eval(node.value))
        if listed is None:
            complaints.append(f"{name} has no __all__")
            continue
        if path.stem == "__init__" and not public:  # it defines nothing: it is the face of a folder
            public = handed_on
        complaints += [f"{name}: {n} is not in __all__" for n in sorted(public - listed)]
        complaints += [f"{name}: {n} is not defined" for n in sorted(listed - public - handed_on)]
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
    lengths = {
        name: code_lines(path.read_text(encoding="utf-8")) for name, path in modules(folder).items()
    }
    return [
        f"{name} has {length} lines of code, at most {LONGEST} are allowed"
        for name, length in lengths.items()
        if length > LONGEST
    ]


def unfinished_complaints(folder):
    """Nothing is left for later."""
    return [
        f"{name}:{number}: {line.strip()}"
        for name, path in modules(folder).items()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if re.search(r"\b(?:TODO|FIXME|XXX)\b", line)
    ]


FOLDER_RULES = [
    import_complaints,
    circle_complaints,
    all_complaints,
    length_complaints,
    unfinished_complaints,
]
