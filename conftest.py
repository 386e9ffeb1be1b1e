"""What every run of pytest shares: the engine, the same examples, figures that are compared."""

from hypothesis import settings
from nbval.plugin import IPyNbCell

from tests.guards.figures import figure_complaints, figures
from tests.guards.layout import RETIRED
from tests.tables.engines import pytest_addoption, pytest_configure

__all__ = ["pytest_addoption", "pytest_configure"]

# A failure must be everybody's failure: the same examples on every machine, whatever its speed.
settings.register_profile("book", derandomize=True, deadline=None, database=None)
settings.load_profile("book")

# Importing a retired name warns, which is an error here; test_layout imports them.
collect_ignore = [f"companion/{name}.py" for name in RETIRED]

_compare_texts = IPyNbCell.compare_outputs


def _compare_outputs(self, drawn, stored, skip_compare=None):
    """Compare what nbval compares, and then the figures, which it skips."""
    same = _compare_texts(self, drawn, stored, skip_compare)
    complaints = figure_complaints(figures(stored), figures(drawn))
    self.comparison_traceback.extend(complaints)
    return same and not complaints


IPyNbCell.compare_outputs = _compare_outputs
