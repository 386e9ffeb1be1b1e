"""show_versions says what is installed, as the installer wrote it down, and imports nothing."""

import platform
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import numpy as np

import companion
from companion import engine, versions

ROOT = Path(__file__).parents[1]


def shown(capsys):
    """Return {name: version} as printed."""
    companion.show_versions()
    return dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())


def test_it_names_the_companion_python_the_platform_the_engine_and_numpy(capsys):
    found = shown(capsys)
    assert list(found)[:5] == ["companion", "Python", "platform", "engine", "numpy"]
    assert found["companion"] == companion.__version__
    assert found["Python"].startswith(platform.python_version())
    assert found["platform"] == platform.platform()
    assert found["numpy"] == np.__version__


def test_it_leaves_out_what_is_not_installed(capsys, monkeypatch):
    def version(name):
        if name != "numpy":
            raise metadata.PackageNotFoundError(name)
        return "1.2.3"

    monkeypatch.setattr(metadata, "version", version)
    assert list(shown(capsys)) == ["companion", "Python", "platform", "engine", "numpy"]


def test_it_names_the_engine_of_the_call(capsys, monkeypatch):
    with engine.use("numpy"):
        assert shown(capsys)["engine"] == "numpy"
        monkeypatch.setattr(engine, "current", lambda: "numba")
        assert shown(capsys)["engine"] == "numba"


def test_it_imports_none_of_the_packages(tmp_path):
    for name in ("torch", "sympy", "numba"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('imported')", encoding="utf-8")
        info = tmp_path / f"{name}-9.8.7.dist-info"
        info.mkdir()
        text = f"Metadata-Version: 2.1\nName: {name}\nVersion: 9.8.7\n"
        (info / "METADATA").write_text(text, encoding="utf-8")
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "import companion; companion.show_versions()\n"
        "assert not {'torch', 'sympy', 'matplotlib', 'sklearn', 'numba'} & set(sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    for name in ("torch", "sympy", "numba"):
        assert re.search(rf"^{name} +9\.8\.7$", run.stdout, flags=re.M)


def test_it_knows_every_package_that_the_companion_may_use():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    # The extras `book` and `test` are for this project, not for those who use the package.
    wanted = [line for name in extras.keys() - {"book", "test"} for line in extras[name]]
    wanted += project["dependencies"]
    assert {re.match(r"[\w-]+", line)[0] for line in wanted} == set(versions._PACKAGES)
