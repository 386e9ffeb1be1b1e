#!/bin/sh
# Asks all frameworks about the loss, each in a pinned version, in an environment of its own outside
# of this folder, and stores what they answer in book/_data/frameworks.json, which the chapter
# "frameworks compared" shows. About 3 GB and some minutes; needs a network.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# What requirements.txt pins for the book, and what only this comparison needs.
ours=$(sed -n -E '/^(numpy|scipy|scikit-learn|torch)==/p' requirements.txt)
others="tensorflow-cpu==2.21.0 jax==0.10.2 optax==0.2.8 keras==3.15.1
    xgboost-cpu==3.2.0 lightgbm==4.7.0 catboost==1.2.10"

.venv/bin/python -m venv "$work/env"
echo "Installing: $(echo "$ours $others" | tr "\n" " ")"
# shellcheck disable=SC2086
"$work/env/bin/python" -m pip install -q --disable-pip-version-check --no-input $ours $others

echo "Asking"
PYTHONPATH=$PWD OMP_NUM_THREADS=1 "$work/env/bin/python" benchmarks/frameworks.py \
    --write "$work/frameworks.json"
mkdir -p book/_data
mv "$work/frameworks.json" book/_data/frameworks.json
echo "Written: book/_data/frameworks.json; now: make refresh NOTEBOOKS=book/frameworks_compared.ipynb"
