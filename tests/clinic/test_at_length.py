"""What takes minutes: other points change nothing, and nearly all mutants are noticed and named.

`make test-clinic` runs it.
"""

import pytest

from tests.clinic.test_whole import examine, judged, names
from tests.tables.healthy_losses import FAULTY, HEALTHY
from tests.tables.mutants import LOSSES

VARIATIONS = range(1, 26)


@pytest.mark.parametrize(("loss", "declared"), HEALTHY.values(), ids=HEALTHY)
def test_no_points_make_a_right_loss_wrong(loss, declared):
    for variation in VARIATIONS:
        # Nothing is declared every other time.
        found = names(examine(loss, declared if variation % 2 else {}, variation))
        assert found <= {"tail-digits-lost"}, variation


@pytest.mark.parametrize(("loss", "declared", "name"), FAULTY.values(), ids=FAULTY)
def test_no_points_make_another_fault_of_one(loss, declared, name):
    at_first = names(examine(loss, declared))
    for variation in VARIATIONS:
        report = examine(loss, declared, variation)
        assert report.findings[0].name == name, variation
        assert names(report) == at_first, variation


def test_nearly_all_mutants_of_right_losses_are_noticed_and_most_are_named():
    counts = {name: judged(name) for name in LOSSES}
    every = sum(count for count, *_ in counts.values())
    unnoticed = [(name, change) for name, (_, found, _) in counts.items() for change in found]
    unnamed = [(name, change) for name, (*_, found) in counts.items() for change in found]
    print(f"{every} mutants, not noticed: {unnoticed}\nneither named nor described:")
    print(*(f"{name}: {change}" for name, change in unnamed), sep="\n")
    assert every > 300
    assert unnoticed == []
    # Those that no half of a loss describes: a maximum for the mean, a reciprocal, a wrong bound.
    assert len(unnamed) <= 0.08 * every
