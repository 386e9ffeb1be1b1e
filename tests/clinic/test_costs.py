"""Other costs have names, and differ on ordinary points."""

import numpy as np
import pytest

from companion.clinic.costs import categorical_families, families
from companion.clinic.meaning import Meaning

P = np.array([0.3, 0.12, 0.41, 0.55, 0.68, 0.8, 0.93])
Z = np.array([0.4, -2.2, -1.1, -0.35, 0.6, 1.7, 2.6])


@pytest.mark.parametrize("inputs", ["logits", "probabilities"])
@pytest.mark.parametrize("table", [families, categorical_families], ids=["two", "several"])
def test_families_are_finite_and_differ_on_ordinary_points(inputs, table):
    categorical = table is categorical_families
    meaning = Meaning(inputs, "index" if categorical else "soft")
    x = Z if inputs == "logits" else P
    x = np.stack([x, x[::-1], 1 - x - x[::-1]], -1) if categorical and inputs == "logits" else x
    if categorical and inputs == "probabilities":
        x = np.stack([x, x[::-1], x**2], -1) / (x + x[::-1] + x**2)[:, None]
    values = {name: costs(x) for name, costs in table(meaning).items()}
    assert all(np.isfinite(value).all() for value in values.values())
    columns = {name: value[..., 0] - value[0, 0] for name, value in values.items()}
    for name, column in columns.items():
        same = [n for n, other in columns.items() if n != name and np.allclose(column, other)]
        # y = 0 pays p in the linear score of probabilities, and z in that of logits.
        assert same == [], (name, same)
