"""Whether each check of a chapter could fail: a check that cannot is worse than none.

Four kinds are found by reading the code: an assertion of literals alone; one whose two sides are
the same expression, looked up through the names that the cell defines; a comparison with so large
an absolute tolerance that small numbers are never compared; and one that names its relative
tolerance alone, so that an absolute one that nobody wrote (1e-8 in NumPy and PyTorch, 1e-12 in
pytest, the relative one in mpmath) decides for small numbers. Of the tests, only the last is asked.
"""

import ast
import builtins
import re

from tests.guards.prose_numbers import python

WIDEST = 1e-8
"""The largest absolute tolerance that needs no reason."""

# What makes a number of a literal, and is not itself on trial.
_CALCULATORS = {*dir(builtins), "np", "math", "torch", "F", "sp"}
_ABSOLUTE = {
    "isclose": ("rtol", "atol"),
    "allclose": ("rtol", "atol"),
    "approx": ("rel", "abs"),
    "almosteq": ("rel_eps", "abs_eps"),
}
_SAME = {"array_equal", "isclose", "allclose", "equal", "assert_allclose", "assert_close"}


def assert_complaints(nb):
    """Return the assertions of a notebook that cannot fail, or hardly."""
    complaints = []
    for position, cell in enumerate(nb.cells, start=1):
        if cell.cell_type != "code":
            continue
        tree = ast.parse(python(cell))
        excuse = re.search(r"#\s*tolerance-ok:(.*)", cell.source)
        defined = _definitions(tree)
        wide = False
        for check in _checks(tree):
            text = ast.unparse(check)
            if not _names(check) - _CALCULATORS:
                complaints.append(f"cell {position}: literals alone are asserted: {text}")
            elif any(_expanded(a, defined) == _expanded(b, defined) for a, b in _sides(check)):
                complaints.append(f"cell {position}: both sides are the same: {text}")
            wide |= _absolute_tolerance(check) > WIDEST
            complaints += [
                f"cell {position}: {complaint}" for complaint in unsaid_tolerances(check)
            ]
        if wide and not (excuse and len(excuse[1].split()) >= 2):
            complaints.append(
                f"cell {position}: an atol above {WIDEST} needs the reason: # tolerance-ok: why"
            )
        elif excuse and not wide:
            complaints.append(f"cell {position}: the exception tolerance-ok is needless")
    return complaints


def _checks(tree):
    """Yield what is asserted: the test of an assert, or a call of an assert_… function."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert):
            yield node.test
        elif isinstance(node, ast.Call) and _name(node.func).startswith("assert_"):
            yield node


def unsaid_tolerances(tree):
    """Yield a complaint for each call that names no absolute tolerance beside its relative one."""
    for node in ast.walk(tree):
        name = _name(node.func) if isinstance(node, ast.Call) else ""
        if name not in _ABSOLUTE:
            continue
        relative, absolute = _ABSOLUTE[name]
        said = {word.arg for word in node.keywords}
        by_place = len(node.args) > (1 if name == "approx" else 2)
        if absolute not in said and (relative in said or by_place or name == "almosteq"):
            text = ast.unparse(node)
            yield f"beside {relative} a default decides for small numbers; say {absolute}=0: {text}"


def _name(function):
    return getattr(function, "attr", getattr(function, "id", ""))


def _names(node):
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def _sides(check):
    """Yield the pairs of expressions that a check calls equal."""
    for node in ast.walk(check):
        if isinstance(node, ast.Call) and _name(node.func) in _SAME and len(node.args) >= 2:
            yield node.args[0], node.args[1]
        elif isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq):
            yield node.left, node.comparators[0]


def _absolute_tolerance(check):
    return max(
        (
            keyword.value.value
            for node in ast.walk(check)
            if isinstance(node, ast.Call)
            for keyword in node.keywords
            if keyword.arg == "atol" and isinstance(keyword.value, ast.Constant)
        ),
        default=0,
    )


def _definitions(tree):
    """Return the expression of each name that a cell defines once, by a plain assignment."""
    values = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            values[node.id] = None if node.id in values else ...
    for node in tree.body:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name) and values.get(target.id) is ...:
                    values[target.id] = node.value
    return {name: value for name, value in values.items() if isinstance(value, ast.AST)}


def _expanded(node, defined, depth=5):
    """Return an expression as text, with the names of the cell replaced by what they stand for."""

    class Expand(ast.NodeTransformer):
        def visit_Name(self, name):
            value = defined.get(name.id)
            return name if value is None or depth == 0 else _parsed(value)

    def _parsed(value):
        return ast.parse(_expanded(value, defined, depth - 1), mode="eval").body

    return ast.unparse(Expand().visit(ast.parse(ast.unparse(node), mode="eval").body))
