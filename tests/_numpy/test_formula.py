"""What a formula says of itself is what the public function beside it offers."""

import inspect

import pytest

from companion import binary, categorical
from companion._numpy import binary as binary_formulas
from companion._numpy import categorical as categorical_formulas
from companion._numpy.formula import BOTH, GRADIENT, HESSIAN, VALUE, Rows

COMMON = {"labels", "weight", "axis", "reduction", "workers"}
FUNCTIONS = [
    (binary_formulas.LOGITS, binary.binary_cross_entropy_with_logits),
    (binary_formulas.PROBABILITIES, binary.binary_cross_entropy),
    (categorical_formulas.LOGITS, categorical.cross_entropy),
    (categorical_formulas.PROBABILITIES, categorical.cross_entropy_from_probabilities),
]


@pytest.mark.parametrize(("formula", "function"), FUNCTIONS)
def test_formula_names_the_argument_and_the_options_of_its_function(formula, function):
    parameters = set(inspect.signature(function).parameters)
    assert parameters - COMMON == {formula.argument, *formula.options}


def test_what_a_call_may_want_are_the_rows_in_their_order():
    assert (*VALUE, *GRADIENT, *HESSIAN) == Rows._fields
    assert Rows._fields[:2] == BOTH
