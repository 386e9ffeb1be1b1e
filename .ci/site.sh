#!/bin/sh
# Opens every page of the built site in Chromium or Chrome and looks at it as readers do (tests/site).
# What drives the browser is pinned in .ci/site.txt, and stays in _build/browser.
#
#   sh .ci/site.sh [options of pytest]
set -eu
cd "$(dirname "$0")/.."
python=.venv/bin/python
tools=_build/browser

"$python" -m tests.site.browser >/dev/null
made_from=$(cksum <.ci/site.txt)
if [ "$made_from" != "$(cat $tools/ready 2>/dev/null)" ]; then
    echo "Installing into $tools what drives a browser (50 MB)"
    rm -rf $tools
    "$python" -m pip install -q --disable-pip-version-check --no-input --no-compile --no-deps \
        --only-binary=:all: --target $tools -r .ci/site.txt
    echo "$made_from" >$tools/ready
fi

# Where a browser answers no more, the test fails and the run ends, instead of waiting for ever.
test() {
    PYTHONPATH=$tools OMP_NUM_THREADS=1 "$python" -m pytest \
        -o faulthandler_timeout=120 -o faulthandler_exit_on_timeout=true --max-worker-restart 0 "$@"
}
status=0
# More processes than cores: a slow network, which the tests imitate, leaves time.
test -n "$((${JOBS:-2} + 3))" tests/site --ignore tests/site/test_first_paint.py "$@" || status=1
# Seconds are compared when nothing else runs.
test -s tests/site/test_first_paint.py "$@" || status=1
exit $status
