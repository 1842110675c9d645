# `make` lists what there is. Two commands matter: `make run` and `make check`.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
ASSETS := static/dist/manifest.json
DATA ?= data
PORT ?= 8000
# Two cores are the smallest machine this is built for; torch must not take more in tests.
export OMP_NUM_THREADS ?= 2
# Threads that spin while they wait starve each other when the machine is busy.
export OMP_WAIT_POLICY ?= PASSIVE

# Tests wait for clients and servers more than they compute; each process has a database of its own.
TEST_PROCESSES ?= 4
# A page in a browser is work for a core.
BROWSERS ?= 2

.PHONY: help run check test test-slow format lint types lock messages assets browser bench bench-train faults drill growth clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## ?/\1\t/' | expand -t 14

$(READY): requirements/dev.txt pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements/uv.txt
	@echo "Installing what requirements/dev.txt names (a few minutes the first time) …"
	@$(BIN)/uv pip sync --quiet --compile-bytecode --require-hashes --python $(BIN)/python requirements/dev.txt requirements/uv.txt
	@$(BIN)/uv pip install --quiet --no-deps --no-build-isolation --python $(BIN)/python --editable .
	@touch $@

# Earlier clients differ in how they send large files; each has a folder of its own.
OLD_CLIENTS := 1.19.0 1.29.0
CLIENTS := $(OLD_CLIENTS:%=.venv/clients/%/.ready)
.venv/clients/%/.ready: requirements/clients/huggingface_hub-%.txt $(READY)
	@rm -rf $(@D)
	@$(BIN)/uv pip install --quiet --no-deps --require-hashes --python $(BIN)/python --target $(@D) -r $<
	@touch $@

$(ASSETS): $(READY) package-lock.json tools/build_assets.py $(shell find static/css static/js static/img -type f 2>/dev/null)
	@$(BIN)/python tools/build_assets.py

assets: $(ASSETS) ## build the browser's files

run: $(ASSETS) ## start everything on this machine and print its address
	@exec $(BIN)/tuningfork up --data-dir $(DATA) --port $(PORT)

check: $(ASSETS) lint ## everything that must be green before a change lands
	@$(MAKE) --jobs=2 types test # mypy takes one core only
	@$(MAKE) browser

lint: $(READY) ## style, imports, templates, scripts, spelling
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/djlint --check templates
	$(BIN)/djlint --lint templates
	$(BIN)/oxlint --deny-warnings static/js
	$(BIN)/codespell
	$(BIN)/python -m tools.messages --check

types: $(READY) ## mypy, strict
	$(BIN)/mypy

test: $(ASSETS) $(CLIENTS) ## every test but the browser's and the slow ones
	$(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist worksteal -m "not browser and not faults and not growth and not slow"

test-slow: $(ASSETS) $(CLIENTS) ## tests that need real data or real weights and minutes
	$(BIN)/python -m pytest -m slow

browser: $(ASSETS) ## the stories in a real Chromium
	$(BIN)/python -m pytest -n $(BROWSERS) --dist worksteal -m browser tests/browser

faults: $(ASSETS) ## kill real processes and count what was lost
	$(BIN)/python -m pytest -m faults -s

drill: $(ASSETS) ## fill, back up, wipe and restore a site; SIZE_MB=1000 REPORT=docs/operations/drill.md
	$(BIN)/python -m tests.faults.drill --size-mb $(or $(SIZE_MB),1000) $(if $(REPORT),--report $(REPORT))

growth: $(ASSETS) ## two sites behind nginx, three workers, every store a server apart
	$(BIN)/python -m pytest -m growth

bench: $(ASSETS) ## measure against named peers and limits
	$(BIN)/python -m bench

# Other people's training loops have a folder of their own: nothing but this benchmark loads them.
PEERS := .venv/peers/.ready
$(PEERS): requirements/bench.txt $(READY)
	@rm -rf $(@D)
	@$(BIN)/uv pip install --quiet --no-deps --require-hashes --python $(BIN)/python --target $(@D) -r $<
	@touch $@

bench-train: $(PEERS) ## measure training; ARGS="--only G1,G5 --rounds 3 --scale 0.5 --accuracy"
	$(BIN)/python -m bench.train $(ARGS)

format: $(READY) ## put code and templates into shape
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .
	$(BIN)/djlint --quiet --reformat templates || true

messages: $(READY) ## collect the sentences to translate into locale/
	$(BIN)/python -m tools.messages

LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate
lock: ## write the hashed locks anew
	@test -x $(BIN)/uv || ($(PYTHON) -m venv .venv && $(BIN)/python -m pip install --quiet uv)
	echo uv | $(BIN)/$(LOCK) - -o requirements/uv.txt
	$(BIN)/$(LOCK) --all-extras pyproject.toml -o requirements/dev.txt
	for version in $(OLD_CLIENTS); do echo "huggingface_hub==$$version" | $(BIN)/$(LOCK) - -o requirements/clients/huggingface_hub-$$version.txt; done
	echo "lightning fastai" | xargs -n1 | $(BIN)/$(LOCK) --constraint requirements/dev.txt --override <(printf 'torch\nnumpy\n') $$(sed -nE 's/^([a-zA-Z0-9._-]+)==.*/--no-emit-package \1/p' requirements/dev.txt) - -o requirements/bench.txt
	$(BIN)/$(LOCK) --extra web --constraint requirements/dev.txt pyproject.toml -o requirements/web.txt
	$(BIN)/$(LOCK) --extra worker --constraint requirements/dev.txt pyproject.toml -o requirements/worker.txt

clean: ## remove what was built, not your data
	rm -rf .venv node_modules static/dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
