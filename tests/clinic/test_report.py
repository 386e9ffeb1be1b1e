"""A report as text, as data, as a page, and as an exit status."""

import dataclasses
import json

import pytest

from companion.clinic.catalogue import BY_NAME
from companion.clinic.declared import Assumption
from companion.clinic.examination import Found
from companion.clinic.finding import Evidence
from companion.clinic.report import Diagnosis, Report
from companion.clinic.witness import Witness


def diagnosis(name="clipped", severity=None, sentence="It is capped."):
    evidence = Evidence(sentence, severity=severity, begins="p = 1e-7")
    return Diagnosis.of(Found(BY_NAME[name], evidence, Witness("loss(0, 1)", "16.1", "inf")))


def report(*findings, **fields):
    return Report("loss", findings, **{"tried": ("values",), "setup": "import numpy"} | fields)


def test_a_diagnosis_holds_the_words_of_its_finding_and_its_evidence():
    found = diagnosis()
    assert found.fix == BY_NAME["clipped"].fix
    assert found.page == "mistakes/ends.html#mistake-clipped"
    assert str(found).splitlines()[1:5] == [
        "  It is capped.", "    loss(0, 1)", "    # got 16.1, exact inf",
        "  It begins at p = 1e-7.",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("severity", "fail_on", "status"),
    [
        ("minor", "major", 0),
        ("minor", "minor", 1),
        ("major", "major", 1),
        ("major", "critical", 0),
        ("critical", "critical", 1),
    ],
)
def test_exit_status_is_1_for_what_is_as_bad(severity, fail_on, status):
    assert report(diagnosis(severity=severity)).exit_status(fail_on) == status


def test_nothing_found_is_ok_and_nothing_asked_is_not():
    assert report().ok
    assert report().exit_status("minor") == 0
    assert not report(tried=()).ok
    assert report(tried=()).exit_status("critical") == 2
    assert "not examined" in str(report(tried=()))


def test_limits_are_ok_and_what_is_expected_but_gone_is_not():
    assert report(limits=(diagnosis(),)).ok
    assert not report(unmet=("clipped",)).ok


def test_three_findings_are_shown_and_the_others_named():
    names = ("clipped", "overflow", "stateful", "prints", "hangs")
    text = str(report(*map(diagnosis, names), withheld=(diagnosis("gradient-dead"),)))
    assert text.count("# got") == 3
    assert "2 more: prints, hangs" in text
    assert "1 more after this is fixed." in text
    assert "gradient-dead" not in text


def test_json_holds_everything_and_is_read_again():
    whole = report(
        diagnosis(), withheld=(diagnosis("gradient-dead"),), limits=(diagnosis("prints"),),
        expected=(diagnosis("overflow"),), unmet=("hangs",), not_tried=("float16",), calls=7,
        assumed=(Assumption("base", "it is in bits", usual=False),), seconds=0.5,
        table=(("label", "pays"), ("1", "0.5")),
    )  # fmt: skip
    content = json.loads(whole.to_json())
    assert content["ok"] is False
    assert set(content) == {field.name for field in dataclasses.fields(Report)} | {"ok"}
    assert Report.from_json(whole.to_json()) == whole


def test_a_page_escapes_what_a_loss_says():
    bad = "<script>alert(1)</script>"
    page = report(diagnosis(sentence=bad), table=(("label", bad), ("1", "0")))._repr_html_()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_a_page_says_what_the_text_says_after_the_findings():
    whole = report(
        diagnosis(), *map(diagnosis, ("overflow", "stateful", "prints")),
        withheld=(diagnosis("gradient-dead"),), unmet=("hangs",), not_tried=("other devices",),
    )  # fmt: skip
    page = whole._repr_html_()
    for words in ("1 more: prints", "1 more after this is fixed.", "expected, and not found: hangs",
                  "Not tried: other devices.", "mistakes/ends.html#mistake-clipped"):  # fmt: skip
        assert words in str(whole)
        assert words in page


def test_the_picture_marks_what_is_wrong():
    table = (("label", "pays 0", "pays 1", "should 0", "should 1"), ("1", "0", "2", "0", "1"))
    page = report(table=table)._repr_html_()
    assert page.count("background") == 1
    assert 'background:#f6cfc6;color:#5c0f12">2<' in page


def test_a_clean_bill_says_what_was_tried_and_what_was_not():
    text = str(report(not_tried=("other devices",), calls=12))
    assert "nothing found" in text
    assert "Tried, in 12 calls: values." in text
    assert "Not tried: other devices." in text
