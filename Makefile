# Every target first makes .venv when it is missing, unusable or older than requirements.lock; a second call costs nothing.

.NOTPARALLEL:  # the targets share .venv, DVC's locks and the workspace

PYTHON ?= python3
VENV := .venv
# The lock that .venv was filled from, copied there as the last step: half an environment has none.
ENV := $(VENV)/requirements.lock
# Its scripts name its folder, and `activate` tells which: one that was moved or copied, or lost its Python, is built anew.
UNUSABLE := $(shell [ ! -e $(VENV)/bin/activate ] || \
	{ . ./$(VENV)/bin/activate && [ "$$VIRTUAL_ENV" -ef $(VENV) ] && $(VENV)/bin/python -c 'import markupsafe'; } \
	2> /dev/null || echo unusable)

# DVC runs the stages with the `python` of PATH. What the caller's shell has set for other projects must not get in.
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export VIRTUAL_ENV := $(CURDIR)/$(VENV)
unexport PYTHONPATH PYTHONHOME PYTHONSAFEPATH PYTHONINSPECT PIP_CONSTRAINT PIP_PREFIX PIP_ROOT PIP_TARGET PIP_USER UV_CONSTRAINT UV_PREFIX UV_TARGET

COMPILE := uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header

.PHONY: help env repro test test-cpus lint lock report verify bench build-env unusable

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

env: $(ENV) ## .venv, filled exactly as requirements.lock says; with another Python: make env PYTHON=python3.12

repro: $(ENV) ## run the pipeline: every stage that is not up to date, from the data to the pictures
	python -m stages.repro

test: $(ENV) ## run every test, in two processes that take a file each, the quick ones first
	pytest -n 2 --dist loadfile --no-loadscope-reorder

test-cpus: $(ENV) ## compare the outputs' hashes with those of emulated Intel and AMD processors; takes minutes
	python -u tests/cpus/compare.py

lint: $(ENV) ## check style, types, and the workflow file against its schema
	ruff check .
	ruff format --check .
	mypy
	check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml

lock: $(ENV) ## write requirements.lock anew, after a change of pyproject.toml
	$(COMPILE) --extra dev --extra onnx --extra remotes pyproject.toml --output-file requirements.lock
	$(COMPILE) --group peers --constraint requirements.lock --output-file tests/peers.lock

report: $(ENV) ## what sets the workspace apart from HEAD, in Markdown; from another: make report BASE=origin/main
	@python -m stages.changes $(BASE) $(if $(VERIFY),--verify $(VERIFY))

verify: $(ENV) ## reproduce the last commit from nothing, in a temporary folder, and compare every output's hash
	python -u tests/verify.py

bench: $(ENV) ## measure speed and accuracy beside others, in hours and 20 GB of disk; write benchmarks/results.md
	python -m benchmarks

unusable:

$(ENV): requirements.lock $(UNUSABLE)
	@if [ -z "$(UNUSABLE)" ] && cmp -s requirements.lock $@; then touch $@; else $(MAKE) --no-print-directory build-env; fi

build-env:
	@rm -rf $(ENV) $(VENV)
	@command -v $(PYTHON) > /dev/null || \
		{ echo "error: PYTHON = $(PYTHON): not found; install Python 3.11 or newer, or name one: make PYTHON=..."; exit 1; } >&2
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "error: PYTHON = $(PYTHON): must be 3.11 or newer, found $$($(PYTHON) --version 2>&1)"; exit 1; } >&2
	@$(PYTHON) -c 'import ensurepip, venv' 2> /dev/null || \
		{ echo "error: PYTHON = $(PYTHON): has no module venv; on Debian and Ubuntu: apt install python3-venv"; exit 1; } >&2
	@echo "Building $(VENV) from requirements.lock; the first time there are about 3 GB to download."
	$(PYTHON) -m venv $(VENV)
	@# pip takes minutes where uv takes seconds, so it fetches only uv, by the hashes of the lock.
	@sed -n '/^uv==/,/^ *#/p' requirements.lock > $(VENV)/uv.lock
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --requirement $(VENV)/uv.lock
	@cache=$$($(VENV)/bin/uv cache dir) && mkdir -p "$$cache" && \
	if [ "$$(stat -c %d "$$cache")" = "$$(stat -c %d $(VENV))" ]; then mode=hardlink; else mode=copy; fi && set -x && \
	$(VENV)/bin/uv pip sync --python $(VENV)/bin/python --link-mode $$mode --compile-bytecode \
		--require-hashes requirements.lock
	@cp requirements.lock $(ENV)
