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
