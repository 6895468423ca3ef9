# Assay. The two commands a user needs: `make scan` and `make test`. Everything else is for people who change it.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
OUT ?= out
# extra arguments for `make scan`, e.g. make scan ARGS="--profile velaos"
ARGS ?=

.PHONY: help scan test test-long conformance dev fmt lint type drift check fuzz docs lock pyz man wheel bench clean

help:  ## what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

$(VENV)/.runtime: requirements.lock pyproject.toml .ci/setup
	@.ci/setup runtime
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	@.ci/setup dev
	@touch $@

scan: $(VENV)/.runtime  ## set up, scan this machine, write reports to out/
	@.ci/setup pdf
	@mkdir -p $(OUT)
	@code=0; $(BIN)/assay scan $(ARGS) -o snapshot=$(OUT)/snapshot.json -o json=$(OUT)/assessment.json \
	  -o html=$(OUT)/report.html -o pdf=$(OUT)/report.pdf || code=$$?; \
	if [ $$code -ne 0 ] && [ $$code -ne 3 ]; then exit $$code; fi; \
	echo "Written: $(OUT)/snapshot.json $(OUT)/assessment.json $(OUT)/report.html $(OUT)/report.pdf"; \
	if [ $$code -eq 3 ]; then echo "assay ended with 3 (incomplete): the reasons stand above and on page one of the reports"; fi

dev: $(VENV)/.dev  ## the virtual environment with all tools

test: dev  ## set up all that tests need, run all tests
	@.ci/setup test
	@$(BIN)/pytest -q -n $${ASSAY_TEST_JOBS:-2} --dist loadgroup

test-long: dev  ## as test, with many more examples of each property
	@.ci/setup test
	@ASSAY_LONG=1 $(BIN)/pytest -q -n $${ASSAY_TEST_JOBS:-2} --dist loadgroup

conformance: dev  ## the public scenarios, as root: make conformance SCENARIOS=/path (see tests/conformance/README.md)
	@$(BIN)/python -m tests.conformance.run $(SCENARIOS)

fmt: dev  ## format the code
	@$(BIN)/ruff format -q scanner tests bench
	@$(BIN)/ruff check -q --fix scanner tests bench

lint: dev  ## format and lint, nothing changed
	@$(BIN)/ruff format -q --check scanner tests bench
	@$(BIN)/ruff check -q scanner tests bench
	@$(BIN)/assay rules lint

type: dev  ## strict types
	@$(BIN)/mypy

drift: dev  ## generated files are what the content generates
	@$(BIN)/assay controls matrix | diff -q - COMPLIANCE_MATRIX.md >/dev/null || \
	  { echo "COMPLIANCE_MATRIX.md differs from the content: run make docs"; exit 1; }
	@$(BIN)/python -m scanner.schemas.generate --check

docs: dev  ## write generated files anew
	@$(BIN)/assay controls matrix --output COMPLIANCE_MATRIX.md
	@$(BIN)/python -m scanner.schemas.generate
	@$(BIN)/python -m scanner.gate.tables

check: lint type drift test  ## all of it

# arguments of `make fuzz`: names or beginnings of names (parser:sudoers, image:erofs-lz4), and seconds for each
TARGET ?= parser:
SECONDS ?= 20

fuzz: dev  ## mutate inputs of the parsers, guided by coverage (TARGET=, SECONDS= for each)
	@$(BIN)/python -m tests.fuzz --seconds $(SECONDS) --crashes $(OUT)/fuzz $(TARGET)

lock: dev  ## pin dependencies anew, with hashes
	@$(BIN)/uv pip compile -q --upgrade --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
	  --python-version 3.11 pyproject.toml -o requirements.lock
	@$(BIN)/uv pip compile -q --upgrade --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
	  --python-version 3.11 --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock

pyz: dev  ## dist/assay-collect.pyz: the collectors as one file, standard library only
	@$(BIN)/python -m scanner.cli.pyz --output dist/assay-collect.pyz

man: $(VENV)/.runtime  ## dist/assay.1: the manual page, from the help of every verb
	@$(BIN)/python -m scanner.cli.manual --output dist/assay.1

wheel: dev  ## dist/*.whl
	@$(BIN)/python -m build --wheel --no-isolation -o dist . >/dev/null && ls dist/*.whl

bench: dev  ## the budgets of the design, as ratios
	@$(BIN)/python bench/budgets.py

clean:  ## remove what was made
	@rm -rf $(OUT) dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
