# One virtual environment in .venv; every target installs what it needs and no more.
#
#   make demo        install, train and deploy on real data, draw the result
#   make test        install, run the tests
#   make check       linting, types, import contracts, tests
#   make test-long   the slow suites: real data, faults, real servers
#   make bench       benchmarks; each prints a ratio against a named peer (MLflow is one)
#   make clean       remove the environment, the demo's workspace and what the checks leave

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO_WORKSPACE ?= $(CURDIR)/.demo
PYTEST := $(BIN)/python -m pytest

.PHONY: demo test test-long check lint types contracts bench clean
.DELETE_ON_ERROR:

demo: $(VENV)/demo.installed
	@export MLOPS_WORKSPACE="$(DEMO_WORKSPACE)" PATH="$(CURDIR)/$(BIN):$$PATH"; set -e; \
	echo "== engine data demo"; engine data demo; \
	echo "== engine run full_flow"; engine run full_flow; \
	echo "== engine predict --steps 14"; engine predict --steps 14; \
	printf '%s\n' "" "It runs. What to type next:" "" \
	  "  . $(BIN)/activate" \
	  "  export MLOPS_WORKSPACE=$(DEMO_WORKSPACE)" \
	  "  mlops-tui                                           the control center: all of it on one screen" \
	  "  engine predict --series 'FLUID MILK WHITE ONLY'     another series, another chart" \
	  "  engine run full_flow --model-type LightGBM          a challenger for the champion" \
	  "  engine runs                                         what ran" \
	  "  engine models                                       what is deployed" \
	  "  engine config show                                  every setting, and where it comes from" \
	  "  engine status                                       what keeps running; engine down stops it" \
	  "  http://127.0.0.1:4243/flow-monitoring               the same in a browser" \
	  "  engine run full_flow --data my.csv --set dataset.date_col=day ...   your own data" ""

# Those that run the real engine mostly wait: three processes side by side keep two cores busy.
test: $(VENV)/dev.installed
	$(PYTEST) -m "not long" -n 3 --dist loadfile

test-long: $(VENV)/dev.installed $(VENV)/demo.installed $(VENV)/services.installed
	$(PYTEST) -m long --ignore=tests/services
	$(PYTEST) -m long -n 2 --dist loadfile tests/services

check: lint types contracts test

lint: $(VENV)/dev.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/dev.installed
	$(BIN)/mypy

contracts: $(VENV)/dev.installed
	$(BIN)/lint-imports

bench: $(VENV)/dev.installed $(VENV)/demo.installed $(VENV)/bench.installed $(VENV)/services.installed \
       $(VENV)/posting/bin/posting $(VENV)/peers/installed
	@for script in benchmarks/[!_]*.py; do echo "== $$script"; $(BIN)/python $$script || failed=1; done; \
	exit $${failed:-0}

clean:
	rm -rf $(VENV) .demo .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed: make PYTHON=python3.11 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

# A peer of the terminal, with libraries of its own; with the newest tree-sitter it does not start.
$(VENV)/posting/bin/posting:
	$(PYTHON) -m venv $(VENV)/posting
	$(VENV)/posting/bin/python -m pip install --quiet 'posting==2.*' 'tree-sitter>=0.25,<0.26'

# Peers of the forecasts, in an environment of their own: they bring Ray and Lightning and hold
# pandas back. PyTorch comes first, so that the build that is at hand is the one they get; without
# a GPU put its CPU build into $(VENV)/peers beforehand, as into $(VENV).
$(VENV)/peers/installed:
	$(PYTHON) -m venv $(VENV)/peers
	$(VENV)/peers/bin/python -m pip install --quiet 'torch==2.13.*'
	$(VENV)/peers/bin/python -m pip install --quiet 'statsforecast>=2.1,<2.2' 'neuralforecast>=3.3,<3.4'
	@touch $@

# pip compiles in one process; this takes half the time, on all cores. It says 1 where a library
# carries a template that only looks like Python: that is no reason to stop.
$(VENV)/%.installed: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --no-compile --editable '.[$*]'
	@$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || test $$? -eq 1
	@touch $@
