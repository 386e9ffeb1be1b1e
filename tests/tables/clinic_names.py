"""What each finding of the clinic covers, in the words of lists of mistakes that tell more apart.

Such a list may hold "saturates-to-inf" beside "overflow": for the user it is one cause. Names that
are not here cover themselves.
"""

__all__ = ["ASSUMED", "COVERS", "covered"]

COVERS = {
    "activation-extra": {"activation-twice", "probabilities-as-logits"},
    "activation-missing": {"activation-missing", "logits-as-probabilities"},
    "clipped": {"clipped", "log-clamped"},
    "overflow": {"overflow", "saturates-to-inf"},
    "reduction": {
        "not-reduced",
        "reduced-when-none",
        "reduction-mean-for-sum",
        "reduction-sum-for-mean",
        "wrong-axis",
    },
    "wrong-divisor": {"divided-twice", "wrong-divisor"},
}

# What an assumption says where nothing was declared, and which mistakes it would be if it were.
ASSUMED = {
    "base": {"wrong-log-base"},
    "order": {"arguments-swapped"},
    "reduction": COVERS["reduction"],
    "smoothing": {"smoothing-hidden"},
    "weight": {"class-weight-hidden", "pos-weight-wrong-term"},
}


def covered(report):
    """Return the names that a report covers, those of unusual assumptions included."""
    found = {d.name for d in (*report.findings, *report.withheld, *report.expected, *report.limits)}
    names = set().union(*(COVERS.get(name, {name}) for name in found))
    for assumption in report.assumed:
        if not assumption.usual:
            names |= ASSUMED.get(assumption.name, set())
    return names
