"""Ten right losses, and what becomes of them when one operator, operand, number or name changes.

`mutants` makes each single change, in the order of the source. `differs` compares two losses on a
dense grid, ordinary numbers and edges, without the clinic.
"""

import ast
import itertools

import numpy as np

__all__ = ["LOSSES", "differs", "mutants", "run"]

HEAD = "import numpy as np\nfrom scipy.special import expit, log_expit, xlog1py, xlogy\n"
P = {"inputs": "probabilities", "reduction": "mean", "base": np.e}
Z = {"inputs": "logits", "reduction": "mean", "base": np.e}
LOSSES = {
    "definition": ("""
def loss(p, y):
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))
""", P),
    "xlogy": ("""
def loss(p, y):
    return -np.mean(xlogy(y, p) + xlog1py(1 - y, -p))
""", P),
    "sum over N": ("""
def loss(p, y):
    m = y.size
    cost = y * np.log(p) + (1 - y) * np.log1p(-p)
    return -np.sum(cost) / m
""", P),
    "where": ("""
def loss(p, y):
    right = np.where(y == 1, p, 1 - p)
    return np.mean(-np.log(right))
""", P | {"labels": "hard"}),
    "clipped": ("""
def loss(p, y):
    p = np.minimum(np.maximum(p, 1e-7), 1 - 1e-7)
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))
""", P),
    "two softplus": ("""
def loss(z, y):
    return np.mean(y * np.logaddexp(0, -z) + (1 - y) * np.logaddexp(0, z))
""", Z),
    "max, product, log1p": ("""
def loss(z, y):
    return np.mean(np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z))))
""", Z),
    "signed logit": ("""
def loss(z, y):
    s = (1.0 - 2.0 * y) * z
    return np.mean(np.logaddexp(0, s))
""", Z | {"labels": "hard"}),
    "log sigmoid": ("""
def loss(z, y):
    return -np.mean(y * log_expit(z) + (1 - y) * log_expit(-z))
""", Z),
    "sigmoid first": ("""
def loss(z, y):
    p = 1 / (1 + np.exp(-z))
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))
""", Z),
}  # fmt: skip

OPERATORS = {
    ast.Add: (ast.Sub, ast.Mult),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Add, ast.Div),
    ast.Div: (ast.Mult,),
}
FUNCTIONS = {
    "log": ("log1p", "log2", "exp"),
    "log1p": ("log", "expm1"),
    "exp": ("log1p", "expm1"),
    "mean": ("sum", "max"),
    "sum": ("mean",),
    "maximum": ("minimum",),
    "minimum": ("maximum",),
    "abs": ("sign", "positive"),
    "logaddexp": ("maximum", "logaddexp2"),
    "xlogy": ("xlog1py",),
    "xlog1py": ("xlogy",),
    "log_expit": ("expit",),
}


def run(source):
    """Return the loss of a source."""
    scope = {}
    exec(HEAD + source, scope)
    return scope["loss"]


def mutants(source):
    """Return the sources that differ from this one by a single change, each once."""
    found, plain = {}, ast.unparse(ast.parse(source))
    for number in itertools.count():
        tree = ast.parse(source)
        choices = list(_changes(tree))
        if number == len(choices):
            return found
        what, change = choices[number]
        change()
        text = ast.unparse(ast.fix_missing_locations(tree))
        if text != plain and text not in found.values():
            line = next(
                b for a, b in zip(plain.splitlines(), text.splitlines(), strict=True) if a != b
            )
            found[f"{number:03} {what}: {line.strip()}"] = text


def _changes(tree):
    """Yield each change of a tree: its name, and a function that makes it."""
    names = [argument.arg for argument in tree.body[0].args.args]
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp):
            for other in OPERATORS.get(type(node.op), ()):
                yield "operator", _set(node, "op", other())
            yield "left operand alone", _become(tree, node, node.left)
            yield "right operand alone", _become(tree, node, node.right)
            if isinstance(node.op, ast.Sub | ast.Div):
                yield "operands exchanged", _exchange(node)
        elif isinstance(node, ast.UnaryOp):
            yield "sign", _become(tree, node, node.operand)
        elif isinstance(node, ast.Compare):
            yield "comparison", _set(node, "ops", [ast.NotEq()])
        elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
            for other in (node.value + 1, 2 * node.value, node.value / 2):
                yield "number", _set(node, "value", other)
        elif isinstance(node, ast.Name) and node.id in names and isinstance(node.ctx, ast.Load):
            yield "operand", _set(node, "id", next(name for name in names if name != node.id))
        elif isinstance(node, ast.Call):
            name = "attr" if isinstance(node.func, ast.Attribute) else "id"
            for other in FUNCTIONS.get(getattr(node.func, name), ()):
                yield "function", _set(node.func, name, other)
            if len(node.args) > 1:
                yield (
                    "arguments exchanged",
                    _set(node, "args", [*node.args[:-2], *node.args[:-3:-1]]),
                )
            if len(node.args) == 1 and getattr(node.func, name) != "mean":
                yield "function left out", _become(tree, node, node.args[0])


def _set(node, field, value):
    return lambda: setattr(node, field, value)


def _exchange(node):
    left, right = node.left, node.right

    def change():
        node.left, node.right = right, left

    return change


class _Replace(ast.NodeTransformer):
    def __init__(self, old, new):
        self.old, self.new = old, new

    def visit(self, node):
        return self.new if node is self.old else super().generic_visit(node)


def _become(tree, old, new):
    return lambda: _Replace(old, new).visit(tree)


# Whether a mutant is another function -------------------------------------------------------------


def _grid(declared):
    generator = np.random.default_rng(0)
    logits = declared["inputs"] == "logits"
    for size in (1, 2, 5, 7, 12):
        for _ in range(8):
            z = generator.normal(0, 1.5, size)
            x = z if logits else 1 / (1 + np.exp(-z))
            hard = (generator.random(size) < 0.5).astype(float)
            yield x, hard
            if declared.get("labels") != "hard":
                yield x, generator.random(size).round(2)
    x, y = generator.uniform(0.1, 0.9, (3, 4)), (generator.random((3, 4)) < 0.5).astype(float)
    yield x, y
    ends = (0.0, 20.0, 40.0, 300.0, 800.0, np.inf) if logits else (0.0, 1e-20, 1e-9, 1e-3)
    for end in ends:
        for x in (end, -end if logits else 1 - end):
            for label in (0.0, 1.0):
                yield np.array([x]), np.array([label])
    yield np.array([np.nan]), np.array([1.0])


def _value(loss, x, y):
    with np.errstate(all="ignore"):
        try:
            return np.asarray(loss(x.copy(), y.copy()), float)
        except Exception as error:
            return type(error).__name__


def differs(one, other, declared):
    """Whether two losses are told apart on the grid: by 1e-6 of the value, or its kind."""
    for x, y in _grid(declared):
        a, b = _value(one, x, y), _value(other, x, y)
        if isinstance(a, str) or isinstance(b, str):
            if not (isinstance(a, str) and isinstance(b, str) and a == b):
                return True
        elif a.shape != b.shape or not np.allclose(a, b, rtol=1e-6, atol=0, equal_nan=True):
            return True
    return False
