"""Ask the libraries of boosted trees about the loss: start, sign, raw output, labels, derivatives.

`PROBES` are the questions, functions of a `Booster`; `BOOSTERS` are those who are asked, once for
each of their objectives. All are asked through what comes out of one round on one feature, which is
0 or 1, so that the tree has two leaves. A leaf adds

    - rate G / (H + penalty)

to the start, where G and H are the sums of the two derivatives over its rows: a rate of almost
nothing tells the start, and two penalties tell G and H. `frameworks.py` asks and stores.
"""

from __future__ import annotations

import importlib
import itertools
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from answers import NO_CALL

ZEROS, ONES = 15, 5  # rows whose feature is 0, and 1
FEATURE = np.repeat([0.0, 1.0], [ZEROS, ONES])[:, None]
LEAVES = np.array([[0.0], [1.0]])
LABELS = np.array([1] + [0] * 14 + [1] * 3 + [0] * 2)  # a fifth are ones
NO_RATE, SOME = 1e-6, 0.25  # a rate and a penalty

Pair = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


class Fitted(NamedTuple):
    """What a model of one round answers in each of its two leaves."""

    raw: np.ndarray  # the call for logits
    plain: np.ndarray  # `predict`, unasked


@dataclass
class Booster:
    """How one library is called with one of its objectives.

    `fit(labels, rate, penalty, own, given)` fits one round: `own` is an objective of one's own,
    from raw outputs and labels to two derivatives, `given` a start for all rows. The loss that the
    library tells for a start is `reported(labels, given)`.
    """

    fit: Callable[..., Fitted]
    takes_own: bool = True
    takes_start: bool = True
    reported: Callable[[np.ndarray, float], float] | None = None


# The libraries ------------------------------------------------------------------------------------


def with_xgboost() -> Booster:
    """Return XGBoost's `binary:logistic`; with an objective of one's own, none is named."""
    xgb = importlib.import_module("xgboost")

    def data(labels, given):
        table = xgb.DMatrix(FEATURE, labels)
        if given is not None:
            table.set_base_margin(np.full(len(labels), given))
        return table

    def options(rate, penalty, own=None):
        named = {} if own else {"objective": "binary:logistic"}
        return named | {"eta": rate, "lambda": penalty, "max_depth": 1, "min_child_weight": 0,
                        "nthread": 1, "verbosity": 0}  # fmt: skip

    def fit(labels, rate=1.0, penalty=0.0, own=None, given=None):
        pair = None if own is None else lambda raw, table: own(raw, table.get_label())
        model = xgb.train(options(rate, penalty, own), data(labels, given), 1, obj=pair)
        leaves = xgb.DMatrix(LEAVES)
        return Fitted(model.predict(leaves, output_margin=True), model.predict(leaves))

    def reported(labels, given):
        table, losses = data(labels, given), {}
        chosen = options(NO_RATE, 1.0) | {"eval_metric": "logloss"}
        xgb.train(chosen, table, 1, evals=[(table, "all")], evals_result=losses,
                  verbose_eval=False)  # fmt: skip
        return losses["all"]["logloss"][0]

    return Booster(fit, reported=reported)


def with_lightgbm(objective: str, metric: str) -> Booster:
    """Return one of LightGBM's two objectives for yes and no."""
    lgb = importlib.import_module("lightgbm")
    small = {"min_data_in_bin": 1, "min_data_in_leaf": 1, "num_threads": 1, "verbosity": -1}

    def data(labels, given):
        start = None if given is None else np.full(len(labels), given)
        return lgb.Dataset(FEATURE, labels, init_score=start, params=small)

    def options(rate, penalty, own=None):
        pair = None if own is None else lambda raw, table: own(raw, table.get_label())
        return small | {"objective": pair or objective, "learning_rate": rate,
                        "lambda_l2": penalty, "num_leaves": 2, "min_sum_hessian_in_leaf": 0,
                        "deterministic": True}  # fmt: skip

    def fit(labels, rate=1.0, penalty=0.0, own=None, given=None):
        model = lgb.train(options(rate, penalty, own), data(labels, given), 1)
        return Fitted(model.predict(LEAVES, raw_score=True), model.predict(LEAVES))

    def reported(labels, given):
        table, losses = data(labels, given), {}
        lgb.train(options(NO_RATE, 1.0) | {"metric": metric}, table, 1, valid_sets=[table],
                  valid_names=["all"], callbacks=[lgb.record_evaluation(losses)])  # fmt: skip
        return losses["all"][metric][0]

    return Booster(fit, reported=reported)


def with_catboost(objective: str) -> Booster:
    """Return one of CatBoost's two objectives for yes and no, with one Newton step in a leaf."""
    catboost = importlib.import_module("catboost")

    class Own:
        def __init__(self, pair):
            self.pair = pair

        def calc_ders_range(self, approxes, targets, weights):
            derivatives = self.pair(np.array(approxes), np.array(targets))
            return list(zip(*(each.tolist() for each in derivatives), strict=True))

    def fit(labels, rate=1.0, penalty=0.0, own=None, given=None):
        chosen = {"loss_function": Own(own), "eval_metric": objective} if own else {
            "loss_function": objective
        }  # fmt: skip
        model = catboost.CatBoost(
            chosen
            | {
                "iterations": 1, "depth": 1, "learning_rate": rate, "l2_leaf_reg": penalty,
                "leaf_estimation_method": "Newton", "leaf_estimation_iterations": 1,
                "boosting_type": "Plain", "bootstrap_type": "No", "random_strength": 0,
                "thread_count": 1, "allow_writing_files": False, "logging_level": "Silent",
            }
        )  # fmt: skip
        start = None if given is None else np.full(len(labels), given)
        with warnings.catch_warnings():  # that Numba is not there to speed an objective up
            warnings.filterwarnings("ignore", "Failed to import numba", UserWarning)
            model.fit(catboost.Pool(FEATURE, labels, baseline=start))
        raw = model.predict(LEAVES, prediction_type="RawFormulaVal")
        return Fitted(np.asarray(raw), np.asarray(model.predict(LEAVES)))

    def reported(labels, given):
        eval_metric = importlib.import_module("catboost.utils").eval_metric
        return eval_metric(labels, np.full(len(labels), given), objective)[0]

    return Booster(fit, reported=reported)


def with_sklearn() -> Booster:
    """Return scikit-learn's trees on histograms, which take no start and no objective."""
    trees = importlib.import_module("sklearn.ensemble").HistGradientBoostingClassifier

    def fit(labels, rate=1.0, penalty=0.0):
        model = trees(
            learning_rate=rate, max_iter=1, max_leaf_nodes=2, min_samples_leaf=1,
            l2_regularization=penalty, early_stopping=False,
        )  # fmt: skip
        model.fit(FEATURE, labels)
        return Fitted(model.decision_function(LEAVES), model.predict(LEAVES))

    return Booster(fit, takes_own=False, takes_start=False)


# Name: the module it needs, and how to get it.
BOOSTERS: dict[str, tuple[list[str], Callable[[], Booster]]] = {
    "XGBoost, binary:logistic": (["xgboost"], with_xgboost),
    "LightGBM, binary": (["lightgbm"], lambda: with_lightgbm("binary", "binary_logloss")),
    "LightGBM, cross_entropy": (
        ["lightgbm"],
        lambda: with_lightgbm("cross_entropy", "cross_entropy"),
    ),
    "CatBoost, Logloss": (["catboost"], lambda: with_catboost("Logloss")),
    "CatBoost, CrossEntropy": (["catboost"], lambda: with_catboost("CrossEntropy")),
    "scikit-learn, HistGradientBoosting": (["sklearn"], with_sklearn),
}


# The questions ------------------------------------------------------------------------------------


def sigmoid(z: Any) -> Any:
    """Return the probability of a logit of ordinary size."""
    return 1 / (1 + np.exp(-z))


def right_pair(raw: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the derivatives of the loss in the logits."""
    p = sigmoid(np.asarray(raw, "float64"))
    return p - labels, p * (1 - p)


def leaves_of(zeros: float, ones: float) -> np.ndarray:
    """Return labels that are the same within a leaf."""
    return np.repeat([zeros, ones], [ZEROS, ONES])


def start_of(booster: Booster, labels: np.ndarray = LABELS, **options: Any) -> float:
    """Return the raw output before the first tree."""
    return round(float(booster.fit(labels, NO_RATE, SOME, **options).raw[0]), 4)


def derivatives(booster: Booster, labels: np.ndarray = LABELS, leaf: int = 0) -> np.ndarray:
    """Return the mean first and second derivative in a leaf."""
    start = start_of(booster, labels)
    free, held = (float(booster.fit(labels, penalty=x).raw[leaf]) - start for x in (0.0, SOME))
    second = SOME * held / (free - held)
    return np.array([-free * second, second]) / (ZEROS, ONES)[leaf]


def counted_as(label: float, other: float) -> Callable[[Booster], Any]:
    """Return the probe that finds out as which label the smaller leaf, full of this one, counts."""

    def probe(booster: Booster) -> float:
        labels = leaves_of(other, label)
        slope, _ = derivatives(booster, labels, leaf=1)
        return round(sigmoid(start_of(booster, labels)) - slope, 2)

    return probe


def kind_of(plain: np.ndarray, raw: np.ndarray) -> str:
    """Return what `predict` gives: the logit, its probability or a class."""
    if np.allclose(plain, raw, rtol=1e-5):
        return "logit"
    if np.allclose(plain, sigmoid(raw), rtol=1e-5):
        return "probability"
    return "class" if set(plain.tolist()) <= {0, 1} else "something else"


def predicted(own: Pair | None = None) -> Callable[[Booster], str]:
    """Return the probe that asks what `predict` gives."""

    def probe(booster: Booster) -> str:
        if own is None:
            fitted = booster.fit(LABELS)
        elif booster.takes_own:
            fitted = booster.fit(LABELS, penalty=SOME, own=own_pair(booster))
        else:
            return NO_CALL
        return kind_of(fitted.plain, fitted.raw)

    return probe


SIGNS = list(itertools.product((1, -1), repeat=2))


def signed(first: int, second: int) -> Pair:
    """Return the right pair with these signs."""

    def pair(raw: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        slope, curve = right_pair(raw, labels)
        return first * slope, second * curve

    return pair


def signs_of(booster: Booster) -> list[tuple[int, int]]:
    """Return the signs with which the pair makes the step of the definition."""
    start = start_of(booster, own=right_pair)
    slope, curve = (each[:ZEROS].sum() for each in right_pair(np.full(len(LABELS), start), LABELS))
    wanted = start - slope / (curve + SOME)
    return [
        signs
        for signs in SIGNS
        if abs(booster.fit(LABELS, penalty=SOME, own=signed(*signs)).raw[0] - wanted) < 1e-4
    ]


def own_pair(booster: Booster) -> Pair:
    """Return the pair as this library wants it."""
    return signed(*signs_of(booster)[0])


def wanted_signs(booster: Booster) -> str:
    """Return the pair that an objective of one's own has to return."""
    if not booster.takes_own:
        return NO_CALL
    first, second = {1: "p - y", -1: "y - p"}, {1: "p(1 - p)", -1: "-p(1 - p)"}
    found = [f"{first[a]}, {second[b]}" for a, b in signs_of(booster)]
    return " or ".join(found) or "none of the four"


def start_with_own(booster: Booster) -> Any:
    """Return the start where the objective is one's own."""
    return start_of(booster, own=own_pair(booster)) if booster.takes_own else NO_CALL


def output_with_start(booster: Booster) -> Any:
    """Return the raw output, not told again, of a model that was given the start 2."""
    return start_of(booster, given=2.0) if booster.takes_start else NO_CALL


def step_at_20(booster: Booster) -> Any:
    """Return the step of a leaf of ones at the logit 20; by the definition it is 1/p, all but 1."""
    if not booster.takes_start:
        return NO_CALL
    after, before = (
        booster.fit(leaves_of(1, 0), rate, given=20.0).raw[0] for rate in (1.0, NO_RATE)
    )
    return round(float(after - before), 4)


def reported_loss(booster: Booster) -> Any:
    """Return the loss that the library tells for the logit 1000 and the label 0: it is 1000."""
    if booster.reported is None:
        return NO_CALL
    return booster.reported(np.zeros(len(LABELS)), 1000.0)


PROBES: dict[str, Callable[[Booster], Any]] = {
    "start": start_of,
    "start, objective of one's own": start_with_own,
    "raw output after a given start of 2": output_with_start,
    "predict": predicted(),
    "predict, objective of one's own": predicted(right_pair),
    "objective of one's own": wanted_signs,
    "gradient": lambda booster: round(derivatives(booster)[0], 4),
    "Hessian": lambda booster: round(derivatives(booster)[1], 4),
    "label 0.3 counts as": counted_as(0.3, 0),
    "label 2 counts as": counted_as(2, 0),
    "label -1 counts as": counted_as(-1, 1),
    "step at logit 20, label 1": step_at_20,
    "reported loss at logit 1000, label 0": reported_loss,
}
