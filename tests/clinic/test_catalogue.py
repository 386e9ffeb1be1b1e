"""The catalogue names each mistake once, and what follows from what is no circle."""

import importlib
import re
from pathlib import Path

import pytest

from companion.clinic import findings
from companion.clinic.catalogue import BY_NAME, EXPLAINS, FIRST, VALUE, catalogue
from companion.clinic.finding import SEVERITIES
from tests.tables.clinic_names import ASSUMED, COVERS

FOLDER = Path(findings.__file__).parent


def test_each_file_of_the_folder_is_in_the_catalogue_once():
    paths = FOLDER.glob("[!_]*.py")
    modules = [importlib.import_module(f"{findings.__name__}.{path.stem}") for path in paths]
    names = [finding.name for finding in catalogue()]
    assert sorted(names) == sorted(module.FINDING.name for module in modules)
    assert len(set(names)) == len(names)
    for module in modules:
        assert module.__name__.rpartition(".")[2].replace("_", "-") == module.FINDING.name


def test_findings_read_the_chart_and_ask_nothing():
    paths = sorted(FOLDER.glob("[!_]*.py"))
    texts = {
        path.stem: path.read_text(encoding="utf-8").partition("FINDING = ")[0] for path in paths
    }
    asking = [name for name, text in texts.items() if re.search(r"\.ask\(|\.patient\b", text)]
    assert len(texts) == len(catalogue())
    assert asking == []


@pytest.mark.parametrize("finding", catalogue(), ids=lambda finding: finding.name)
def test_a_finding_says_all_that_it_must(finding):
    assert finding.severity in SEVERITIES
    assert finding.title
    assert finding.symptom
    for text in (finding.why, finding.fix):
        assert text.endswith((".", "`", ")")), text
    assert "def loss" in finding.sick or "class " in finding.sick or "loss =" in finding.sick


def test_what_explains_and_what_is_explained_are_findings():
    assert set(EXPLAINS) | set().union(*EXPLAINS.values()) <= set(BY_NAME)


def test_no_finding_explains_itself_by_way_of_others():
    reached = {name: set(others) for name, others in EXPLAINS.items()}
    for _ in reached:
        for name, others in reached.items():
            reached[name] = others.union(*(reached.get(other, set()) for other in others))
    assert [name for name, others in reached.items() if name in others] == []


def test_some_other_slip_is_the_last_explanation_of_a_value():
    assert VALUE[-1].name == "formula-wrong"


def test_what_ends_a_process_is_looked_for_first():
    assert [finding.name for finding in FIRST[:2]] == ["hangs", "kills-the-process"]


def test_names_in_other_words_belong_to_findings():
    assert set(COVERS) <= set(BY_NAME)
    assert set(ASSUMED) == {"base", "order", "reduction", "smoothing", "weight"}
