"""What was declared of a loss is checked, and weights are those of the classes."""

import pytest

from companion.clinic.declared import Assumption, declare


def test_weights_of_one_number_are_those_of_two_classes():
    assert declare(pos_weight=3).weight == (1, 3)
    assert declare(alpha=0.25).weight == (0.75, 0.25)
    assert declare(alpha=0.25, pos_weight=2).weight == (0.75, 0.5)
    assert declare().weight is None


def test_what_is_no_choice_is_refused_with_the_choices():
    with pytest.raises(ValueError, match="labels must be one of soft, hard, signs, index, one-hot"):
        declare(labels="integers")


def test_an_assumption_reads_as_its_sentence():
    assert str(Assumption("base", "in bits", usual=False)) == "in bits"
