# Every target sets itself up: Python 3.11+, pip and make are all a machine needs.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
CHECKOV := checkov@3.3.30
PIP_AUDIT := pip-audit@2.10.1

.PHONY: help demo up test test-fast lint terraform-check checkov audit fuzz chaos bench equivalence generate lock clean
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

test: $(READY) ## lint and all tests
	@$(MAKE) --no-print-directory -j2 --output-sync=target lint checkov
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

terraform-check: $(READY) ## fmt, validate, plan and test by the real terraform; the local cloud against the plan; checkov
	@$(BIN)/pytest -n 2 --dist loadfile tests/infrastructure
	@$(MAKE) --no-print-directory checkov

# A tool of its own: its dependencies are not ours. Where it cannot be had, that is said, and the rest goes on.
checkov: $(READY)
	@echo "==> checkov's policies on terraform/"
	@if $(BIN)/uv tool run --quiet --python $(BIN)/python $(CHECKOV) --version >/dev/null 2>&1; then \
	  $(BIN)/uv tool run --quiet --python $(BIN)/python $(CHECKOV) -d terraform --framework terraform --skip-download \
	    --compact --quiet --var-file terraform/environments/prod.tfvars; \
	else echo "WARNING: checkov cannot be installed here: its policies are NOT CHECKED"; fi

fuzz: $(READY) ## a million inputs a target, guided by coverage -> benchmarks/fuzz.md (half an hour)
	@$(BIN)/python -m tests.fuzz --keep --report

chaos: $(READY) ## the fault campaign: 10,000 submissions while everything fails -> benchmarks/chaos.md (a quarter)
	@$(BIN)/python -m tests.chaos --report benchmarks/chaos.md

audit: $(READY) ## known vulnerabilities in what the functions run on, and its licences
	@echo "==> advisories on functions/requirements.txt"
	@found=$$($(BIN)/uv tool run --quiet --python $(BIN)/python $(PIP_AUDIT) -r functions/requirements.txt \
	  --disable-pip --require-hashes 2>&1); code=$$?; echo "$$found" | grep -v "could not be audited" || true; \
	if echo "$$found" | grep -q "could not be audited"; then \
	  echo "WARNING: the advisories cannot be reached from here: NOT AUDITED"; else exit $$code; fi
	@$(BIN)/python -m tests.infrastructure.licences --check

sbom: $(READY) ## what the functions are made of, as CycloneDX -> functions.sbom.json
	@$(BIN)/uv tool run --quiet --python $(BIN)/python $(PIP_AUDIT) -r functions/requirements.txt --disable-pip \
	  --require-hashes --format cyclonedx-json --output functions.sbom.json

bench: $(READY) ## ratios against baselines of the same process -> benchmarks/*.md (an hour and a half)
	@$(BIN)/python -m benchmarks
	@$(BIN)/python -m benchmarks.disclosure
	@$(BIN)/python -m benchmarks.deviations
	@$(BIN)/python -m benchmarks.figures
	@$(BIN)/python -m benchmarks.load

equivalence: $(READY) ## 20,000 documents a version: our XSD and the official one give the same verdict
	@$(BIN)/python -m tests.generative.equivalence --documents 20000

generate: $(READY) ## write every generated file
	@$(BIN)/bvr generate
	@$(BIN)/python -m tests.infrastructure.licences

lock: ## resolve the dependencies again
	@$(BIN)/uv pip compile pyproject.toml --upgrade --all-extras --universal --generate-hashes --no-annotate --no-header -o requirements.lock
	@$(BIN)/uv pip compile pyproject.toml -c requirements.lock --universal --generate-hashes --no-annotate --no-header -o functions/requirements.txt

clean: ## remove the environment and the local cloud's data
	@rm -rf $(VENV) .bvr
