# Every target sets itself up: Python 3.11+, pip and make are all a machine needs.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help demo up test test-fast lint bench equivalence generate lock clean
.DEFAULT_GOAL := help

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

$(READY): requirements.lock pyproject.toml
	@echo "==> Python environment in $(VENV) (once; a few hundred MB from the package index)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(grep -oE '^uv==[0-9.]+' requirements.lock)"
	@$(BIN)/uv pip install --python $(BIN)/python --require-hashes -r requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-build-isolation --no-deps -e .
	@touch $@

demo: $(READY) ## everything once: local cloud, municipalities, receipts, queries, an extract over HTTP
	@$(BIN)/bvr demo

up: $(READY) ## start the local cloud and keep it
	@$(BIN)/bvr up

test: $(READY) lint ## lint and all tests
	@echo "==> unit, rule and generative tests"
	@$(BIN)/pytest -n 2 -m "not local_cloud" tests
	@echo "==> local-cloud tests (they start their own servers on free ports)"
	@$(BIN)/pytest -n 2 --dist loadfile -m local_cloud tests

test-fast: $(READY) ## the tests that need no server
	@$(BIN)/pytest -n 2 -m "not local_cloud" tests

lint: $(READY) ## ruff, mypy --strict on functions/, import-linter, generated files
	@echo "==> ruff, mypy, import-linter, generated files"
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/mypy functions
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/bvr generate --check

bench: $(READY) ## ratios against bare parse + validation -> benchmarks/results.md
	@$(BIN)/python -m benchmarks

equivalence: $(READY) ## 20,000 documents a version: our XSD and the official one give the same verdict
	@$(BIN)/python -m tests.generative.equivalence --documents 20000

generate: $(READY) ## write every generated file
	@$(BIN)/bvr generate

lock: ## resolve the dependencies again
	@$(BIN)/uv pip compile pyproject.toml --upgrade --all-extras --universal --generate-hashes --no-annotate --no-header -o requirements.lock
	@$(BIN)/uv pip compile pyproject.toml -c requirements.lock --universal --generate-hashes --no-annotate --no-header -o functions/requirements.txt

clean: ## remove the environment and the local cloud's data
	@rm -rf $(VENV) .bvr
