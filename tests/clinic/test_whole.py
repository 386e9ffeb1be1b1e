"""The clinic as a whole: right losses, faulty ones, the companion's, the libraries', the texts'.

What takes minutes stands in `test_at_length.py`, which `make test-clinic` runs.
"""

import functools
import math

import mpmath
import numpy as np
import pytest
import torch
from scipy.special import expit, log_expit, xlog1py, xlogy
from sklearn.metrics import log_loss
from torch.nn import functional as F  # noqa: N812 (everybody writes F)

import companion
from companion import engine
from companion.clinic import diagnose
from companion.clinic.declared import declare
from companion.clinic.diagnosis import diagnose_here
from tests.tables.healthy_losses import FAULTY, HEALTHY
from tests.tables.losses_of_texts import TEXTS
from tests.tables.mutants import LOSSES, differs, mutants, run

# The seconds of a busy machine are no fault of a loss.
BUDGET = 60.0


def names(report):
    return {each.name for each in (*report.findings, *report.withheld)}


def examine(loss, declared, variation=0):
    return diagnose_here(loss, declare(**declared), {}, BUDGET, variation=variation)


@pytest.mark.parametrize("variation", [0, 101])
@pytest.mark.parametrize(("loss", "declared"), HEALTHY.values(), ids=HEALTHY)
def test_a_right_loss_has_no_finding_but_lost_digits(loss, declared, variation):
    assert names(examine(loss, declared, variation)) <= {"tail-digits-lost"}


@pytest.mark.parametrize(("loss", "declared"), HEALTHY.values(), ids=HEALTHY)
def test_a_right_loss_has_none_when_nothing_is_declared(loss, declared):
    assert names(examine(loss, {})) <= {"tail-digits-lost"}


@pytest.mark.parametrize(("loss", "declared", "name"), FAULTY.values(), ids=FAULTY)
def test_a_faulty_loss_has_its_name_first(loss, declared, name):
    assert examine(loss, declared).findings[0].name == name


@pytest.mark.parametrize(("loss", "gradient", "declared", "found"), TEXTS.values(), ids=TEXTS)
def test_a_loss_of_a_text_has_exactly_the_faults_that_it_has(loss, gradient, declared, found):
    report = diagnose(loss, gradient=gradient, budget=BUDGET, **declared)
    assert names(report) == found, str(report)


# The companion's own ------------------------------------------------------------------------------


@pytest.fixture(params=engine.ENGINES)
def on_an_engine(request):
    if request.param == "numba":
        pytest.importorskip("numba")
    before = engine.current()
    engine.use(request.param)
    yield
    engine.use(before)


OWN = {
    "binary_cross_entropy": {"inputs": "probabilities"},
    "binary_cross_entropy_with_logits": {"inputs": "logits"},
    "cross_entropy": {"inputs": "logits", "labels": "index"},
    "binary_focal_cross_entropy_with_logits": {"inputs": "logits", "gamma": 2},
}


@pytest.mark.usefixtures("on_an_engine")
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(("name", "declared"), OWN.items(), ids=OWN)
def test_a_loss_of_the_companion_has_a_clean_bill(name, declared, reduction):
    given = {}
    for kind in ("gradient", "hessian"):
        function = getattr(companion, f"{name}_{kind}", None)
        # The Hessian of several classes is a matrix for each row, which the clinic does not take.
        if function is not None and (name, kind) != ("cross_entropy", "hessian"):
            given[kind] = functools.partial(function, reduction=reduction)
    loss = functools.partial(getattr(companion, name), reduction=reduction)
    assert "gradient" in given
    report = diagnose(loss, reduction=reduction, budget=BUDGET, **declared, **given)
    assert report.ok, str(report)
    assert names(report) == set()


# Those of the libraries ---------------------------------------------------------------------------


def bits(value):
    return float(np.asarray(value.detach() if torch.is_tensor(value) else value))


def loses_digits(loss, *arguments):
    """Whether a logit of 40 and a label of 1 cost what they should, which is not 0."""
    with mpmath.workdps(30):
        exact = mpmath.log1p(mpmath.exp(-40))
    return abs(bits(loss(*arguments)) / float(exact) - 1) > 1e-3


TENSOR = functools.partial(torch.tensor, dtype=torch.float64)
EXAMPLES = {
    "digits of a logit": lambda loss: loses_digits(loss, TENSOR([-40.0]), TENSOR([0.0])),
    "digits of a row": lambda loss: loses_digits(loss, TENSOR([[40.0, 0.0]]), torch.tensor([0])),
    "a bound of 100": lambda loss: bits(loss(TENSOR([0.0]), TENSOR([1.0]))) == 100,
    "exp overflows": lambda loss: bits(loss(TENSOR([-800.0]), TENSOR([1.0]))) == math.inf,
    "no finite slope": lambda loss: not math.isfinite(slope(loss, -800.0, 1.0)),
    "a squared error": lambda loss: bits(loss(TENSOR([0.3]), TENSOR([1.0]))) == 0.7**2,
    "a clip of rounding": lambda loss: 36 < bits(loss([1], [0.0])) < 37,
    "digits of a probability": lambda loss: bits(loss([0], [1e-20])) > 1e-17,
    "a naive sigmoid": lambda loss: bits(loss(np.array([-800.0]), np.array([1.0]))) == math.inf,
    "digits of a naive sigmoid": lambda loss: bits(loss(np.array([40.0]), np.array([1.0]))) == 0,
}


def slope(loss, x, y):
    x = TENSOR([x]).requires_grad_()
    loss(x, TENSOR([y])).sum().backward()
    return float(x.grad[0])


LOGITS = {"inputs": "logits", "reduction": "mean"}
PROBABILITIES = {"inputs": "probabilities", "reduction": "mean"}
# A loss, what is declared, and each finding with the example that shows it without the clinic.
LIBRARIES = {
    "torch: binary_cross_entropy_with_logits": (
        F.binary_cross_entropy_with_logits, LOGITS, {"tail-digits-lost": "digits of a logit"},
    ),
    "torch: binary_cross_entropy": (
        F.binary_cross_entropy, PROBABILITIES,
        {"clipped": "a bound of 100"},
    ),
    "torch: cross_entropy": (
        F.cross_entropy, LOGITS | {"labels": "index"}, {"tail-digits-lost": "digits of a row"},
    ),
    "torch: nll_loss of log_softmax": (
        lambda z, y: F.nll_loss(F.log_softmax(z, dim=1), y), LOGITS | {"labels": "index"},
        {"tail-digits-lost": "digits of a row"},
    ),
    "torch: SoftMarginLoss": (
        torch.nn.SoftMarginLoss(), LOGITS | {"labels": "signs"},
        {"overflow": "exp overflows", "gradient-nan": "no finite slope"},
    ),
    "torch: MSELoss": (
        torch.nn.MSELoss(), PROBABILITIES, {"not-cross-entropy": "a squared error"},
    ),
    "scikit-learn: log_loss": (
        functools.partial(log_loss, labels=[0, 1]), PROBABILITIES | {"labels": "hard"},
        {"clipped": "a clip of rounding", "tail-digits-lost": "digits of a probability"},
    ),
    "SciPy: xlogy": (
        lambda p, y: -np.mean(xlogy(y, p) + xlog1py(1 - y, -p)), PROBABILITIES, {},
    ),
    "SciPy: log_expit": (
        lambda z, y: -np.mean(y * log_expit(z) + (1 - y) * log_expit(-z)), LOGITS, {},
    ),
    "SciPy: expit": (
        lambda z, y: -np.mean(xlogy(y, expit(z)) + xlog1py(1 - y, -expit(z))), LOGITS,
        {"overflow": "a naive sigmoid", "tail-digits-lost": "digits of a naive sigmoid"},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("loss", "declared", "found"), LIBRARIES.values(), ids=LIBRARIES)
def test_a_loss_of_a_library_has_the_findings_that_are_true_of_it(loss, declared, found):
    report = diagnose(loss, budget=BUDGET, **declared)
    assert names(report) == set(found), str(report)
    for name, example in found.items():
        assert EXAMPLES[example](loss), name


# Machine-made mutants, of two losses here ---------------------------------------------------------


def judged(name):
    """Return how many mutants of a loss there are, and those not noticed and not named."""
    source, declared = LOSSES[name]
    right = run(source)
    healthy = _all_names(examine(right, declared))
    count, unnoticed, unnamed = 0, [], []
    for change, text in mutants(source).items():
        loss = run(text)
        if not differs(right, loss, declared):
            continue
        count += 1
        report = examine(loss, declared)
        if _all_names(report) == healthy:
            unnoticed.append(change)
            continue
        first = report.findings[0] if report.findings else None
        if first is not None and first.name == "formula-wrong" and "pays" not in first.sentence:
            unnamed.append(change)
    return count, unnoticed, unnamed


def _all_names(report):
    return {each.name for each in (*report.findings, *report.withheld, *report.limits)}


@pytest.mark.parametrize("name", ["definition", "two softplus"])
def test_each_mutant_is_noticed_and_most_are_named(name):
    count, unnoticed, unnamed = judged(name)
    assert count > 30
    assert unnoticed == []
    assert len(unnamed) <= 0.1 * count


def test_a_mutant_that_computes_the_same_is_no_mutant():
    source, declared = LOSSES["two softplus"]
    same = source.replace("np.logaddexp(0, -z)", "np.logaddexp(-z, 0)")
    assert same != source
    assert not differs(run(source), run(same), declared)
    assert differs(run(source), run(source.replace("(0, z)", "(0, 1.00001 * z)")), declared)
