# Every command makes what it needs first, the environment in .venv included.
# Another Python: make book PYTHON=python3.12

JOBS = 2
PORT = 8000
NOTEBOOKS =
# What compiles and differentiates in every way that PyTorch has.
GRAPHS = $(addprefix tests/torch_losses/test_,compiled.py hidden.py kinds.py training.py)
# What asks the clinic about hundreds of losses, each at many points, and about those that hang and die.
AT_LENGTH = $(addprefix tests/clinic/test_,at_length.py isolate.py)
# What a loss promises, whichever engine runs it.
ENGINES = tests/_numba tests/_numpy $(addprefix tests/test_,$(addsuffix .py,bad_input binary \
	categorical engine estimator facts focal laws logistic logistic_regression mends peers \
	public_cases reduction)) $(addprefix companion/,binary.py categorical.py engine.py focal.py)
# Bytecode is kept even where the caller's environment says not to: without it each of some forty
# processes reads PyTorch's sources anew, which doubles the time of everything here.
export PYTHONDONTWRITEBYTECODE =

help: ## List the commands
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1@\2/p' Makefile | awk -F@ '{ printf "  make %-12s %s\n", $$1, $$2 }'

environment: ## Make or renew .venv with the pinned packages
	@PYTHON="$(PYTHON)" sh .ci/environment.sh

BUILD = .venv/bin/python .venv/bin/jupyter-book build . -n -W --keep-going

# Sphinx repeats no warning of a page it need not read again, and finds a label twice that has moved:
# after a failed build, and where the last one is in the way, it starts anew.
book: environment ## Build the site into _build/html
	@test -e _build/good || rm -rf _build/.doctrees
	@rm -f _build/good
	@test -e _build/.doctrees && { $(BUILD) || ! echo "Once more, from nothing"; } || \
		{ rm -rf _build/.doctrees; $(BUILD); }
	@touch _build/good
	@echo "The site is ready: $$PWD/_build/html/index.html (or: make serve)"

# The site is built beside the tests; those of the site come last. What the tiers below run is left out.
test: environment ## Check everything but the tiers: tests, doctests, notebooks, site, style (minutes)
	@echo "1 of 3: tests, doctests and notebooks in $(JOBS) processes; beside them the site is built"
	@mkdir -p _build; status=0; \
	$(MAKE) --no-print-directory book >_build/log 2>&1 & site=$$!; \
	OMP_NUM_THREADS=1 .venv/bin/python -m pytest -n $(JOBS) --dist loadfile \
		--ignore tests/test_site.py --ignore tests/test_search.py --ignore tests/test_benchmarks.py \
		--deselect tests/test_planted_faults.py::test_planted_ \
		--deselect tests/test_seen_failing.py::test_a_sample_fails_again \
		$(addprefix --ignore ,$(GRAPHS) tests/_numba $(AT_LENGTH)) || status=1; \
	wait $$site && tail -n 1 _build/log || { cat _build/log; status=1; }; \
	echo "2 of 3: the pages of the site"; \
	.venv/bin/python -m pytest -q tests/test_site.py tests/test_search.py || status=1; \
	echo "3 of 3: style"; \
	.venv/bin/python -m ruff check . || status=1; \
	.venv/bin/python -m ruff format --check . || status=1; \
	exit $$status

serve: book ## Show the site on http://127.0.0.1:8000 (another port: PORT=8001)
	@.venv/bin/python -c "import socket; socket.create_server(('127.0.0.1', $(PORT)))" 2>/dev/null || \
	{ echo "Port $(PORT) is taken; choose another one, for example: make serve PORT=8001"; exit 1; }
	@echo "http://127.0.0.1:$(PORT)/ (stop with Ctrl-C)"
	@.venv/bin/python -m http.server --bind 127.0.0.1 --directory _build/html $(PORT)

refresh: environment ## Execute the notebooks and store their outputs (some: NOTEBOOKS="book/logits.ipynb")
	@.venv/bin/python .ci/refresh.py $(NOTEBOOKS)

test-torch: environment ## Test the twins in graphs, under compositions of derivatives, in training scripts
	@OMP_NUM_THREADS=1 .venv/bin/python -m pytest -n $(JOBS) --dist worksteal $(GRAPHS)

test-numba: environment ## Test all that a loss promises on the engine that Numba compiles, and its first calls
	@OMP_NUM_THREADS=1 .venv/bin/python -m pytest -n $(JOBS) --dist loadfile --engine numba $(ENGINES)

test-faults: environment ## Plant the popular mistakes: a test notices each; and faults before the ticked asserts
	@OMP_NUM_THREADS=1 .venv/bin/python -m pytest -n $(JOBS) tests/test_planted_faults.py
	@.venv/bin/python .ci/seen_failing.py --check --sample 4

test-clinic: environment ## Ask the clinic about right losses at many points, machine-made mutants, losses that hang
	@OMP_NUM_THREADS=1 .venv/bin/python -m pytest -n $(JOBS) $(AT_LENGTH)

# What NumPy uses of AVX-512 here; nothing where there is none.
AVX512 = import numpy; print(*(name for name in \
	numpy.show_config(mode="dicts")["SIMD Extensions"]["found"] \
	if name == "X86_V4" or name.startswith("AVX512")))

test-avx2: environment ## Run the notebooks again, as on a processor without AVX-512: no digit changes
	@NPY_DISABLE_CPU_FEATURES="$$(.venv/bin/python -c '$(AVX512)')" ATEN_CPU_CAPABILITY=default \
	TORCHINDUCTOR_CACHE_DIR="$$PWD/_build/compiled/default" \
	OMP_NUM_THREADS=1 .venv/bin/python -m pytest -n $(JOBS) --dist loadfile book

test-bench: environment ## Run the benchmarks on little, and see that they find what is known
	@OMP_NUM_THREADS=1 .venv/bin/python -m pytest -n $(JOBS) --dist loadfile tests/test_benchmarks.py

test-site: book ## Open every page of the site in Chromium or Chrome: five widths, both themes, keyboard, paper
	@JOBS=$(JOBS) sh .ci/site.sh

test-wheel: environment ## Test the wheel in an environment of its own, with the newest NumPy, SymPy and scikit-learn
	@sh .ci/installed.sh newest

test-oldest: environment ## The same with the oldest that are supported
	@sh .ci/installed.sh oldest

bench: environment ## Measure accuracy and speed against the peers, also without AVX-512 (half an hour; wants a quiet machine)
	@.venv/bin/python benchmarks/accuracy.py
	@.venv/bin/python benchmarks/speed.py --store book/_data/speed.json
	@NPY_DISABLE_CPU_FEATURES="$$(.venv/bin/python -c '$(AVX512)')" ATEN_CPU_CAPABILITY=avx2 \
	NUMBA_CPU_NAME=haswell .venv/bin/python benchmarks/speed.py --store book/_data/speed.json

frameworks: environment ## Ask every framework about the loss, and store the answers (3 GB for a while; needs a network)
	@sh .ci/frameworks.sh

clean: ## Remove the built site and all caches; .venv stays (start from nothing: rm -rf .venv)
	@rm -rf _build dist .pytest_cache .ruff_cache .hypothesis
	@find . -path ./.venv -prune -o \( -name __pycache__ -o -name .ipynb_checkpoints \) -prune -exec rm -rf {} +

.PHONY: help environment book test serve refresh test-torch test-numba test-faults test-clinic test-avx2 test-bench test-site test-wheel test-oldest bench frameworks clean
