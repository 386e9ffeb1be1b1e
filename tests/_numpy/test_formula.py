"""What a formula says of itself is what the public function beside it offers."""

import inspect

import pytest

from companion import categorical
from companion._numpy import categorical as categorical_formulas
from companion._numpy.formula import BOTH, GRADIENT, HESSIAN, VALUE, Rows
from tests.tables.losses import LOSSES

COMMON = {"labels", "weight", "axis", "reduction", "workers"}
FUNCTIONS = {
    categorical.cross_entropy: categorical_formulas.LOGITS,
    categorical.cross_entropy_from_probabilities: categorical_formulas.PROBABILITIES,
    **{getattr(loss.module, loss.function): loss.formula for loss in LOSSES},
}


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_formula_names_the_argument_and_the_options_of_its_function(function):
    formula = FUNCTIONS[function]
    parameters = set(inspect.signature(function).parameters)
    assert parameters - COMMON == {formula.argument, *formula.options}


def test_what_a_call_may_want_are_the_rows_in_their_order():
    assert (*VALUE, *GRADIENT, *HESSIAN) == Rows._fields
    assert Rows._fields[:2] == BOTH
