"""Losses that no finding was written from: each mistake is named, and nothing else."""

import pytest

from companion.clinic import diagnose
from tests.clinic.test_findings import run
from tests.tables.clinic_losses import LOSSES

IDS = [name for name, *_ in LOSSES]


def told(report):
    return {d.name for d in (*report.findings, *report.withheld, *report.limits)}


@pytest.mark.parametrize(("name", "source", "declared", "must", "may"), LOSSES, ids=IDS)
def test_mistakes_of_a_loss_are_named(name, source, declared, must, may):
    report = diagnose(**run(source), **declared, budget=30)
    assert must <= told(report), str(report)
    shown = {d.name for d in report.findings}
    assert shown <= must | may, str(report)


@pytest.mark.parametrize(
    ("name", "source", "declared", "must", "may"),
    [row for row in LOSSES if not row[3]],
    ids=[row[0] for row in LOSSES if not row[3]],
)
def test_a_healthy_loss_has_no_grave_finding_with_nothing_declared(
    name, source, declared, must, may
):
    if declared["gamma"]:
        pytest.skip("a focal loss is none of cross-entropy unless it is declared")
    report = diagnose(**run(source), budget=30)
    assert {d.name for d in report.findings} <= may, str(report)


def test_the_setting_of_a_loss_does_not_outlive_its_diagnosis():
    torch = pytest.importorskip("torch")
    source = """
import torch
import torch.nn.functional as F

def loss(z, y):
    torch.set_grad_enabled(False)
    return F.binary_cross_entropy_with_logits(z, y)
"""
    report = diagnose(**run(source), inputs="logits", reduction="mean")
    assert "global-state-changed" in told(report)
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("k", [2, 4, 5, 20])
@pytest.mark.parametrize("labels", ["index", "one-hot"])
def test_weights_of_any_number_of_classes_are_read(k, labels):
    np = pytest.importorskip("numpy")
    special = pytest.importorskip("scipy.special")
    weight = tuple((1.0 + np.arange(k) % 3).tolist())

    def rows(z, y):
        y = np.eye(k)[y] if labels == "index" else y
        return -(np.array(weight) * y * special.log_softmax(z, axis=1)).sum(axis=1)

    options = {"inputs": "logits", "labels": labels, "reduction": "mean", "weight": weight}
    right = diagnose(lambda z, y: rows(z, y).mean(), **options)
    assert not right.at_least("major"), str(right)
    third = diagnose(lambda z, y: rows(z, y).mean() / 3, **options)
    assert "wrong-divisor" in told(third), str(third)


def rows_weighed(k, heavy, weight_of, labels="index"):
    """Return the report on a mean over rows of k classes, of which class `heavy` is declared 7."""
    np = pytest.importorskip("numpy")
    special = pytest.importorskip("scipy.special")
    weight = np.where(np.arange(k) == heavy, 7.0, 1.0)
    used = weight_of(weight)

    def loss(z, y):
        y = y.argmax(axis=1) if labels == "one-hot" else y
        return np.mean(-used[y] * special.log_softmax(z, axis=1)[np.arange(len(y)), y])

    options = {"inputs": "logits", "labels": labels, "reduction": "mean"}
    return diagnose(loss, weight=tuple(weight), budget=30, **options)


@pytest.mark.parametrize("k", [3, 5, 12, 13, 40])
@pytest.mark.parametrize("labels", ["index", "one-hot"])
@pytest.mark.parametrize("heavy", [0, 1, -1, -2])
def test_weights_that_make_no_difference_are_named_for_any_number_of_classes(k, labels, heavy):
    report = rows_weighed(k, heavy % k, lambda weight: weight * 0 + 1, labels)
    assert report.findings[0].name == "weight-ignored", str(report)
    assert report.findings[0].sentence.startswith("The declared weights, 1 to 7, make no")


def test_weights_of_other_classes_are_not_called_ignored():
    for k in (5, 20):  # of twenty, the class that weighs 7 is in no batch of several
        report = rows_weighed(k, 1, lambda weight: weight[::-1])
        assert report.findings[0].name == "formula-wrong", str(report)
        assert "of class 1 weigh 1 (should be 7)" in report.findings[0].sentence


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("rate", [0.5, 0.1, 0.02])
def test_dropout_is_no_formula_that_is_wrong(rate, seed):
    np = pytest.importorskip("numpy")
    generator = np.random.default_rng(seed)

    def loss(z, y):
        kept = generator.random(z.shape) >= rate
        return np.mean(kept * (np.logaddexp(0, z) - y * z)) / (1 - rate)

    report = diagnose(loss, inputs="logits", labels="soft", reduction="mean", budget=30)
    assert report.findings[0].name == "stateful", str(report)


@pytest.mark.parametrize("seed", range(5))
def test_dropout_of_pytorch_is_named_with_what_it_draws(seed):
    torch = pytest.importorskip("torch")

    def loss(z, y):
        z = torch.nn.functional.dropout(z, 0.02)
        return torch.nn.functional.binary_cross_entropy_with_logits(z, y)

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        report = diagnose(loss, inputs="logits", labels="soft", reduction="mean", budget=30)
    assert report.findings[0].name == "stateful", str(report)
    assert report.findings[0].sentence.endswith("it draws random numbers.")
