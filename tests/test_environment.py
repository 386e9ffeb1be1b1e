"""The set-up and the pins: what `make` installs, and what a reader sees when it cannot.

The set-up script runs for real in a copy of the project, with a `python3` of ours on PATH that does
as the test says; nothing is downloaded.
"""

import ast
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from importlib import metadata
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import companion

ROOT = Path(__file__).parents[1]
CODE = ("companion", "tests", "book", ".ci")
PINS = ("requirements.txt", "constraints.txt", "pyproject.toml")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

posix = pytest.mark.skipif(sys.platform == "win32", reason="the set-up script is for sh and make")

# Stands in for python3 and, once "installed", for .venv/bin/python; writes what it was asked.
FAKE_PYTHON = """#!/bin/sh
name=${0##*/}
case "$1 ${2:-}" in
"-c "*) case " $USABLE " in *" $name "* | *" $0 "*) exit 0 ;; esac; exit 1 ;;
"-V ") echo "Python 3.12.0" ;;
"-m venv")
    echo venv >>"$CALLS"
    mkdir -p "$3/bin" && cp "$0" "$3/bin/python"
    eval "${VENV_DOES:-}" ;;
"-m pip")
    shift 3
    echo "pip $*" >>"$CALLS"
    case "$*" in
    *download.pytorch.org*) eval "${TORCH_DOES:-}" ;;
    *) eval "${PIP_DOES:-}" ;;
    esac ;;
".venv/bin/jupyter-book build")
    echo "$*" >>"$CALLS"
    mkdir -p _build/.doctrees && touch _build/.doctrees/made
    eval "${BOOK_DOES:-}" ;;
esac
"""
TOOLS = "cat cksum cp cut dirname grep make mkdir rm sed sh sleep tail touch awk"


class Machine:
    """A copy of the project and a PATH on which only our Pythons stand."""

    def __init__(self, folder):
        self.project = folder / "a project"  # with a space, as in many a home folder
        self.bin = folder / "bin"
        self.calls = folder / "calls"
        (self.project / ".ci").mkdir(parents=True)
        self.bin.mkdir()
        shutil.copy(ROOT / ".ci" / "environment.sh", self.project / ".ci")
        for name in (*PINS, "Makefile"):
            shutil.copy(ROOT / name, self.project)
        for tool in TOOLS.split():
            (self.bin / tool).symlink_to(shutil.which(tool))
        self.script("python3", FAKE_PYTHON)
        self.script("uname", '#!/bin/sh\n[ "$1" = -m ] && echo x86_64 || echo Linux\n')
        self.environment = {
            "PATH": str(self.bin),
            "CALLS": str(self.calls),
            "USABLE": "python3 .venv/bin/python",
        }

    def script(self, name, text):
        path = self.bin / name
        path.write_text(text)
        path.chmod(0o755)

    def start(self, *command, **settings):
        return subprocess.Popen(
            command or ("sh", ".ci/environment.sh"),
            cwd=self.project,
            env=self.environment | settings,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *command, **settings):
        """Return the exit code, what was printed, the complaint, and the calls of Python."""
        self.calls.write_text("")
        process = self.start(*command, **settings)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err, self.calls.read_text().splitlines()

    def kill_when(self, path, **settings):
        """Start the set-up and kill it, as a power cut would, once `path` is there."""
        process = self.start(**settings)
        for _ in range(600):
            if (self.project / path).exists():
                break
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        assert (self.project / path).exists(), f"the set-up never made {path}"


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def assert_one_sentence(code, out, err, *phrases):
    assert code != 0
    assert re.fullmatch(r"Set-up failed: [^\n]+\.\n|Set-up failed: [^\n]+python3\.14\n", err), err
    assert "Traceback" not in out
    for phrase in phrases:
        assert phrase in err


@posix
def test_set_up_installs_cpu_torch_then_the_build_backend_then_the_pins(machine):
    code, _, err, calls = machine.run()
    assert (code, err) == (0, "")
    assert calls[0] == "venv"
    torch, backend, everything = calls[1:]
    assert f"torch=={pins()['torch']}+cpu" in torch
    assert "--no-deps --retries 0 --timeout 5 --index-url https://download.pytorch.org" in torch
    assert backend.endswith(f"flit-core=={pins()['flit-core']}")
    assert everything.endswith("--no-build-isolation -r requirements.txt")
    assert all("--only-binary=:all:" in call for call in calls[1:])


@posix
def test_set_up_takes_the_default_torch_elsewhere_than_on_linux_x86_64(machine):
    machine.script("uname", "#!/bin/sh\necho Darwin arm64\n")
    *_, calls = machine.run()
    assert not [call for call in calls if "torch==" in call]


@posix
def test_set_up_goes_on_where_pytorchs_index_does_not_answer(machine):
    code, out, err, calls = machine.run(TORCH_DOES="echo ERROR: no answer; exit 1")
    assert (code, err) == (0, "")
    assert "PyTorch's index of CPU builds does not answer" in out
    assert calls[-1].endswith("-r requirements.txt")


@posix
def test_set_up_shows_what_arrives_and_keeps_the_rest_in_the_log(machine):
    *_, out, _, _ = machine.run(
        PIP_DOES="echo 'Collecting numpy==2 (from x)'; echo Looking; echo '  Downloading a (9 MB)'"
    )
    assert "  Collecting numpy==2\n    Downloading a (9 MB)\n" in out
    assert "Looking" not in out
    assert "Looking" in (machine.project / ".venv/pip.log").read_text()


@posix
def test_second_set_up_does_and_says_nothing(machine):
    machine.run()
    assert machine.run() == (0, "", "", [])


@posix
@pytest.mark.parametrize("name", PINS)
def test_set_up_renews_the_packages_when_a_pin_changes(machine, name):
    machine.run()
    with open(machine.project / name, "a") as file:
        file.write("# changed\n")
    *_, calls = machine.run()
    assert calls
    assert "venv" not in calls


@posix
def test_set_up_starts_anew_in_a_moved_project(machine):
    machine.run()
    machine.project = machine.project.rename(machine.project.with_name("moved"))
    *_, calls = machine.run()
    assert calls[0] == "venv"


@posix
def test_set_up_starts_anew_when_the_python_beneath_is_gone(machine):
    machine.run()
    (machine.project / ".venv/bin/python").unlink()
    *_, calls = machine.run()
    assert calls[0] == "venv"


@posix
@pytest.mark.parametrize(
    ("path", "settings"),
    [
        (".venv/bin/python", {"VENV_DOES": "sleep 60"}),
        (".venv/half", {"PIP_DOES": "echo Installing collected packages: a; sleep 1; "
                                    "touch .venv/half; sleep 60"}),
    ],
    ids=["making-venv", "installing"],
)  # fmt: skip
def test_set_up_starts_anew_after_being_killed(machine, path, settings):
    machine.kill_when(path, **settings)
    code, _, _, calls = machine.run()
    assert code == 0
    assert calls[0] == "venv"
    assert not (machine.project / ".venv/half").exists()


@posix
def test_set_up_killed_while_downloading_goes_on_with_the_same_venv(machine):
    machine.kill_when(".venv/half", PIP_DOES="touch .venv/half; sleep 60")
    code, _, _, calls = machine.run()
    assert code == 0
    assert "venv" not in calls
    assert calls[-1].endswith("-r requirements.txt")


@posix
def test_set_up_looks_for_a_newer_python_than_python3(machine):
    machine.script("python3.13", FAKE_PYTHON)
    code, out, *_ = machine.run(USABLE="python3.13 .venv/bin/python")
    assert code == 0
    assert "Making .venv with python3.13" in out


@posix
def test_set_up_without_a_usable_python_says_which_one_to_install(machine):
    code, out, err, calls = machine.run(USABLE="")
    assert_one_sentence(code, out, err, "3.11 to 3.14", "make book PYTHON=")
    assert calls == []


@posix
def test_set_up_starts_anew_with_another_python_that_is_asked_for(machine):
    machine.run()
    machine.script("python3.13", FAKE_PYTHON.replace("3.12.0", "3.13.0"))
    usable = "python3 python3.13 .venv/bin/python"
    *_, calls = machine.run(USABLE=usable, PYTHON="python3.13")
    assert calls[0] == "venv"
    *_, calls = machine.run(USABLE=usable, PYTHON="python3.13")
    assert calls == []


@posix
def test_set_up_refuses_an_unusable_python_even_where_an_environment_is_ready(machine):
    machine.run()
    code, out, err, _ = machine.run(PYTHON="python3.9")
    assert_one_sentence(code, out, err, "PYTHON=python3.9 is not a working CPython 3.11 to 3.14")


@posix
def test_set_up_refuses_an_unusable_python_that_was_asked_for(machine):
    code, out, err, _ = machine.run(PYTHON="python3.9")
    assert_one_sentence(code, out, err, "PYTHON=python3.9 is not a working CPython 3.11 to 3.14")


@posix
@pytest.mark.parametrize(
    ("complaint", "advice"),
    [
        ("ensurepip is not available", "apt install python3-venv"),
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
    ],
)
def test_set_up_without_a_venv_says_what_to_do(machine, complaint, advice):
    code, out, err, _ = machine.run(VENV_DOES=f"echo '{complaint}'; exit 1")
    assert_one_sentence(code, out, err, advice)
    assert machine.run()[0] == 0


FAILURES = {
    "broken-download": ("WARNING: Retrying (Retry(total=4)) after connection broken", "network"),
    "cut-download": ("Traceback\nurllib3.exceptions.IncompleteRead(9 bytes read)", "network"),
    "refused": ("ERROR: HTTP error 403 while getting x", "network"),
    "no-wheel": ("ERROR: No matching distribution found for torch==2", "need a compiler"),
    "full-disk": ("ERROR: Could not install: [Errno 28] No space left on device", "disk is full"),
    "contradiction": ("ERROR: ResolutionImpossible: for help visit", "CONTRIBUTING.md"),
    "anything-else": ("Traceback\nKeyError: 'x'", "delete .venv"),
}


@posix
@pytest.mark.parametrize(("says", "advice"), FAILURES.values(), ids=FAILURES)
def test_set_up_whose_pip_fails_says_what_to_do(machine, says, advice):
    code, out, err, _ = machine.run(PIP_DOES=f'printf "%s\n" "{says}"; exit 2')
    assert_one_sentence(code, out, err, advice, ".venv/pip.log")
    assert says in (machine.project / ".venv/pip.log").read_text()
    assert machine.run()[0] == 0, "the next run, with a pip that works, recovers"


@posix
def test_make_alone_lists_every_command(machine):
    code, out, *_ = machine.run("make")
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.M)[1]
    assert code == 0
    assert re.findall(r"^  make ([\w-]+)", out, re.M) == phony.split()


@posix
def test_book_fails_where_jupyter_book_does_and_a_warning_is_a_failure(machine):
    code, _, _, calls = machine.run("make", "book", BOOK_DOES="exit 1")
    assert code != 0
    assert calls[-1] == ".venv/bin/jupyter-book build . -n -W --keep-going"
    assert len([call for call in calls if "jupyter-book" in call]) == 1


@posix
def test_failed_book_leaves_nothing_for_the_next_run(machine):
    machine.run("make", "book")
    machine.run("make", "book", BOOK_DOES="touch _build/.doctrees/half; exit 1")
    machine.run("make", "book")
    assert not (machine.project / "_build/.doctrees/half").exists()


@posix
def test_book_that_stumbles_over_the_last_one_is_built_from_nothing(machine):
    machine.run("make", "book", BOOK_DOES="touch _build/.doctrees/moved")
    code, *_ = machine.run("make", "book", BOOK_DOES="test ! -e _build/.doctrees/moved")
    assert code == 0


@posix
def test_second_book_keeps_what_sphinx_has_read(machine):
    machine.run("make", "book", BOOK_DOES="touch _build/.doctrees/read")
    machine.run("make", "book")
    assert (machine.project / "_build/.doctrees/read").exists()


def lines(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def pins():
    return dict(line.split("==") for line in lines("requirements.txt")[:-2])


def constraints():
    """Return name -> [(version, marker)]: one package may stand in several lines."""
    found = {}
    for line in lines("constraints.txt"):
        requirement = Requirement(line)
        version = str(requirement.specifier).removeprefix("==")
        found.setdefault(requirement.name, []).append((version, requirement.marker))
    return found


def ranges():
    """Yield every requirement of pyproject.toml, the ones for building included."""
    project = PROJECT["project"]
    extras = project["optional-dependencies"].values()
    for text in chain(PROJECT["build-system"]["requires"], project["dependencies"], *extras):
        requirement = Requirement(text)
        if requirement.name != project["name"]:
            yield canonicalize_name(requirement.name), requirement


def imported(tree):
    """Yield the top-level names of what a file imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def test_requirements_end_in_the_constraints_and_the_companion():
    assert lines("requirements.txt")[-2:] == ["-c constraints.txt", "-e ."]


def test_requirements_pin_what_pyproject_names():
    assert {canonicalize_name(name) for name in pins()} == {name for name, _ in ranges()}


def test_requirements_pin_what_our_code_imports():
    files = list(chain(*(ROOT.glob(f"{folder}/**/*.py") for folder in CODE)))
    ours = {*sys.stdlib_module_names, *CODE, *(path.stem for path in files)}
    providers, pinned = (
        metadata.packages_distributions(),
        {canonicalize_name(pin) for pin in pins()},
    )
    # What drives the browser stands in a folder of its own.
    ours |= {line.partition("==")[0] for line in lines(".ci/site.txt") if "==" in line}
    unpinned = {
        f"{path.name} imports {module}"
        for path in files
        for module in imported(ast.parse(path.read_text(encoding="utf-8")))
        if module not in ours
        and not pinned & {canonicalize_name(package) for package in providers.get(module, [])}
    }
    assert unpinned == set()


@pytest.mark.parametrize(("name", "requirement"), list(ranges()), ids=lambda value: str(value))
def test_pin_lies_in_the_range_of_pyproject(name, requirement):
    assert requirement.specifier.contains(pins()[name], prereleases=True)


@pytest.mark.parametrize("name", ["requirements.txt", "constraints.txt"])
def test_pins_are_exact_and_name_no_address_and_no_local_version(name):
    for line in lines(name):
        if not line.startswith("-"):
            assert re.fullmatch(r"[a-z0-9-]+==[0-9][a-z0-9.]*( ; [^@/+]+)?", line), line


def test_constraints_agree_with_the_requirements():
    agreed = {name: version for name, [(version, _), *_] in constraints().items() if name in pins()}
    assert agreed == pins()


def brought_by(*requirements):
    """Return the names of all packages that these (name, extras) need, each and in turn."""
    todo, seen = list(requirements), set()
    while todo:
        name, extras = todo.pop()
        for text in metadata.requires(name) or []:
            requirement = Requirement(text)
            wanted = requirement.marker is None or any(
                requirement.marker.evaluate({"extra": extra}) for extra in extras | {""}
            )
            key = canonicalize_name(requirement.name), frozenset(requirement.extras)
            if wanted and key not in seen:
                seen.add(key)
                todo.append((requirement.name, set(requirement.extras)))
    return {name for name, _ in seen}


def test_constraints_cover_all_that_is_installed():
    pinned, seen = constraints(), brought_by(("bce-companion", {"test"}))
    missing, wrong = [], []
    for name in seen - {"bce-companion"}:
        here = [v for v, marker in pinned.get(name, []) if marker is None or marker.evaluate()]
        installed = metadata.version(name).partition("+")[0]
        if not here:
            missing.append(name)
        elif here != [installed]:
            wrong.append(f"{name} {installed}, pinned {here}")
    assert len(seen) > len(pins())
    assert (missing, wrong) == ([], [])


def imported_by_notebooks():
    """Yield (file name, imported module) for each import in a cell."""
    for path in (ROOT / "book").glob("*.ipynb"):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                code = re.sub(r"^[%!].*", "", "".join(cell["source"]), flags=re.M)
                yield from ((path.name, module) for module in imported(ast.parse(code)))


def test_binder_installs_what_the_notebooks_import():
    text = (ROOT / ".binder" / "postBuild").read_text(encoding="utf-8")
    extras = re.search(r'"\.\[([\w,]+)\]"', text)[1].split(",")
    others = re.search(r'"\.\[.*\]"((?: [\w-]+)+)', text)[1].split()
    asked = [("bce-companion", set(extras)), *((name, set()) for name in others)]
    # Jupyter, with IPython, is Binder's own.
    there = brought_by(*asked) | {name for name, _ in asked} | {"ipython"}
    providers = metadata.packages_distributions()
    missing = {
        f"{name} imports {module}"
        for name, module in imported_by_notebooks()
        if module not in {*sys.stdlib_module_names, "companion"}
        and not there & {canonicalize_name(package) for package in providers[module]}
    }
    assert missing == set()
    assert ("beyond_one_machine.ipynb", "dask") in set(imported_by_notebooks())


def test_version_stands_in_one_file_and_is_that_of_the_wheel(tmp_path):
    build = "import flit_core.buildapi as flit, sys; print(flit.build_wheel(sys.argv[1]))"
    wheel = subprocess.check_output([sys.executable, "-c", build, tmp_path], cwd=ROOT, text=True)
    assert wheel.startswith(f"bce_companion-{companion.__version__}-")
    papers = [
        *ROOT.glob("*.md"),
        *ROOT.glob("*.toml"),
        *ROOT.glob("*.cff"),
        *ROOT.glob("book/*.md"),
    ]
    named = [p.name for p in papers if companion.__version__ in p.read_text(encoding="utf-8")]
    assert named == []


def dead_links(text):
    """Return what a paper at the top links to or shows that is not in the project."""
    targets = re.findall(r"\]\(([^)#\s]+)", text)
    return [target for target in targets if "://" not in target and not (ROOT / target).exists()]


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_papers_link_to_what_exists(name):
    assert dead_links((ROOT / name).read_text(encoding="utf-8")) == []


def test_dead_link_in_a_paper_is_found():
    text = "[a](README.md), ![b](book/gone.png), [c](https://example.org/x)"
    assert dead_links(text) == ["book/gone.png"]
