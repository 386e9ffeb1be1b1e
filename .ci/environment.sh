#!/bin/sh
# Makes .venv, the environment of the book, or brings it up to date; returns at once when there is
# nothing to do. Whatever goes wrong ends in one sentence that says what to do.
#
#   sh .ci/environment.sh                      the first usable Python on PATH
#   PYTHON=python3.12 sh .ci/environment.sh    this one
set -u
cd "$(dirname "$0")/.." || exit 1

oldest=11 newest=14 # the Pythons 3.x that constraints.txt is made for
here=$(pwd -P)
ready=.venv/ready           # what the finished environment was made from, and where
unfinished=.venv/unfinished # there while .venv is half made
log=.venv/pip.log

say() { printf '%s\n' "$*"; }

stop() {
    say "Set-up failed: $*" >&2
    exit 1
}

usable() {
    "$1" -c "import sys
sys.exit(sys.implementation.name != 'cpython' or not (3, $oldest) <= sys.version_info[:2] <= (3, $newest))
" >/dev/null 2>&1
}

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        usable "$PYTHON" || stop "PYTHON=$PYTHON is not a working CPython 3.$oldest to 3.$newest;" \
            "name one that is, for example: make book PYTHON=python3.$newest"
        python=$PYTHON
        return
    fi
    for python in python3 python3.14 python3.13 python3.12 python3.11; do
        if usable "$python"; then return; fi
    done
    stop "no CPython 3.$oldest to 3.$newest on PATH; install one (https://www.python.org/downloads/)" \
        "or name it: make book PYTHON=/path/to/python3.$newest"
}

# Whether PYTHON asks for another one than .venv was made with.
other_python() {
    [ -n "${PYTHON:-}" ] && find_python && [ "$("$python" -V)" != "$(.venv/bin/python -V)" ]
}

make_venv() {
    find_python
    say "Making .venv with $python ($("$python" -V))"
    rm -rf .venv
    mkdir .venv && : >"$unfinished" || stop "$here cannot be written to;" \
        "free some disk space, or copy the project to a folder of yours, and run make again."
    if ! output=$("$python" -m venv .venv 2>&1); then
        case $output in
        *"No space left"*) stop "the disk is full; free about 3 GB and run make again." ;;
        *) stop "$python cannot make virtual environments; install its venv module" \
            "(on Debian and Ubuntu: apt install python3-venv) and run make again." ;;
        esac
    fi
    rm -f "$unfinished"
}

# Runs pip, keeps all it says in the log, and shows what arrives while it arrives.
pip_install() {
    : >"$log"
    {
        .venv/bin/python -m pip install --disable-pip-version-check --no-input --no-compile \
            --only-binary=:all: "$@" 2>&1
        say "pip ended with $?"
    } | while IFS= read -r line; do
        say "$line" >>"$log"
        case $line in
        *.metadata*) ;;
        Collecting* | *Downloading* | *"Using cached"*) say "  ${line%% (from *}" ;;
        *Retrying*) say "  No answer: trying again" ;;
        "Installing collected packages"*)
            : >"$unfinished"
            say "  Installing: ${line#*: }" | cut -c 1-79
            ;;
        esac
    done
    [ "$(tail -n 1 "$log")" = "pip ended with 0" ]
}

log_has() { grep -Eqi "$1" "$log"; }

explain_pip() {
    if log_has 'no space left|disk quota'; then
        stop "the disk is full; free about 3 GB and run make again (details: $log)."
    elif log_has 'retrying|timed out|connection|IncompleteRead|SSLError|HTTP error|not match the hashes'; then
        stop "a download failed; check the network connection (and pip's proxy settings) and run make" \
            "again, which keeps what has arrived (details: $log)."
    elif log_has 'no matching distribution'; then
        stop "a package has no ready-made wheel for this machine ($(uname -sm), $(.venv/bin/python -V))" \
            "and building it would need a compiler; use CPython 3.$oldest to 3.$newest on 64-bit Linux," \
            "macOS 14 or later on Apple silicon, or Windows (details: $log)."
    elif log_has 'ResolutionImpossible'; then
        stop "requirements.txt, constraints.txt and pyproject.toml contradict one another; renew the" \
            "constraints as CONTRIBUTING.md says and run make again (details: $log)."
    fi
    stop "pip could not install the packages; $log says why: mend that and run make again," \
        "or delete .venv to start from nothing."
}

pinned() { sed -n "s/^$1==//p" requirements.txt; }

install() {
    say "Installing the pinned packages into .venv (all that pip says is in $log)"
    if [ "$(uname -s) $(uname -m)" = "Linux x86_64" ]; then
        # PyTorch's default build for Linux brings gigabytes of CUDA.
        say "First, torch for the CPU alone"
        pip_install --no-deps --retries 0 --timeout 5 \
            --index-url https://download.pytorch.org/whl/cpu "torch==$(pinned torch)+cpu" ||
            say "  PyTorch's index of CPU builds does not answer or has none for this machine:" \
                "going on with the default build, a larger download"
    fi
    # With its build backend at hand, the companion is installed again without a network.
    pip_install "flit-core==$(pinned flit-core)" || explain_pip
    pip_install --no-build-isolation -r requirements.txt || explain_pip
}

sources=$(cat requirements.txt constraints.txt pyproject.toml | cksum)
made_from=$(sed -n 1p "$ready" 2>/dev/null)
made_in=$(sed -n 2p "$ready" 2>/dev/null)

if ! usable .venv/bin/python || [ -e "$unfinished" ] || [ "${made_in:-$here}" != "$here" ] ||
    other_python; then
    make_venv
elif [ "$made_from" = "$sources" ]; then
    exit 0
fi
install
printf '%s\n' "$sources" "$here" >"$ready"
rm -f "$unfinished"
say "The environment is ready: .venv ($(.venv/bin/python -V))"
