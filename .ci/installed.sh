#!/bin/sh
# Tests the package as others get it: builds the sdist and from it the wheel, installs that into an
# environment of its own, outside of this folder, and runs there every test that needs neither
# PyTorch nor the book.
#
#   sh .ci/installed.sh newest   with the newest versions of what it needs
#   sh .ci/installed.sh oldest   with the oldest that pyproject.toml allows, on Python 3.11
set -eu
cd "$(dirname "$0")/.."
which=$1
python=.venv/bin/python
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The build backend of .venv, so that building needs no network.
"$python" -c "
import os, sys, flit_core.buildapi as backend
print(backend.build_sdist(sys.argv[1]))
" "$work" >/dev/null
mkdir "$work/source"
tar -xzf "$work"/*.tar.gz -C "$work/source" --strip-components 1
(cd "$work/source" && "$OLDPWD/$python" -c "
import sys, flit_core.buildapi as backend
print(backend.build_wheel(sys.argv[1]))
" "$work") >/dev/null
wheel=$(ls "$work"/*.whl)

case $which in
newest) versions="" ;;
# The first of each series in the ranges of pyproject.toml that has wheels for Python 3.11.
oldest) versions="numpy==1.26.0 sympy==1.12 mpmath==1.3.0 matplotlib==3.8.0 scikit-learn==1.5.0 scipy==1.15.0 numba==0.59.0 llvmlite==0.42.0 pyparsing==3.1.4" ;;
*)
    echo "usage: sh .ci/installed.sh newest|oldest" >&2
    exit 2
    ;;
esac

"$python" -m venv "$work/env"
pip() { "$work/env/bin/python" -m pip --disable-pip-version-check --no-input "$@"; }

echo "Installing the wheel alone"
pip install -q "$wheel"
installed=$(pip list --format freeze | grep -vE '^(pip|setuptools|wheel)==' | cut -d= -f1 | sort | tr '\n' ' ')
if [ "$installed" != "bce-companion numpy " ]; then
    echo "the wheel alone should bring numpy and nothing else, but brought: $installed" >&2
    exit 1
fi

echo "Installing its extras, the $which"
# shellcheck disable=SC2086
pip install -q "$wheel[fast,symbolic,plotting,sklearn]" hypothesis pytest pytest-xdist scipy $versions
pip list --format freeze | grep -iE '^(numpy|numba|scipy|sympy|mpmath|matplotlib|scikit-learn)=='

cp -r tests "$work/tests"
cp pyproject.toml "$work"
cd "$work"
# What reads the project's folder or the built site, draws pixels, or imports PyTorch or the tools of
# the book.
rm -rf tests/torch_losses tests/guards tests/site
(cd tests && rm -f test_book.py test_site.py test_reference_pages.py test_extensions.py \
    test_environment.py test_layout.py test_planted_faults.py test_benchmarks.py test_palette.py \
    test_source.py test_frameworks.py test_speed.py test_types.py test_mistakes.py clinic/test_at_length.py)
# Left out for time.
(cd tests && rm -f test_laws.py test_differences.py)
grep -lrE '^(import|from) (torch|nbformat|nbclient|bs4|sphinx|yaml|packaging)' tests | xargs rm -f
# As in the project: the same examples everywhere, and no deadline, since the first call compiles.
cat >conftest.py <<'END'
from hypothesis import settings

settings.register_profile("installed", derandomize=True, deadline=None, database=None)
settings.load_profile("installed")
END
test() { "$work/env/bin/python" -m pytest -q -n 2 -p no:cacheprovider -o addopts= -o testpaths= "$@"; }
test tests --ignore tests/_numba
[ "$which" = oldest ] && exit
echo "On the engine that Numba compiles"
test -p tests.tables.engines --engine numba tests/test_binary.py tests/test_categorical.py tests/test_focal.py
