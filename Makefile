# The tasks of daily work. Each is a script in scripts/, which may also be called directly.
# ARGS="…" passes further arguments: to `minimo serve`, to pytest, or the names of benchmarks.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run test bench format lint clean

RUN_PACKAGES := libsqlite3-dev libpq-dev pkg-config ca-certificates curl
TEST_PACKAGES := $(RUN_PACKAGES) postgresql postfix python3 python3-venv
BENCH_PACKAGES := $(RUN_PACKAGES) postfix wrk

help: ## lists these tasks
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## installs what is missing, builds, and serves on https://127.0.0.1:8443
	@scripts/require-swift
	@scripts/install-packages $(RUN_PACKAGES)
	@scripts/step "building minimo in release mode (several minutes the first time)" \
		swift build -c release --product minimo --explicit-target-dependency-import-check error
	@exec scripts/run $(ARGS)

test: ## installs what is missing, checks the form, builds, runs all tests
	@scripts/install-packages $(TEST_PACKAGES)
	@exec scripts/test $(ARGS)

bench: ## builds the benchmarks in release mode and runs them
	@scripts/require-swift
	@scripts/install-packages $(BENCH_PACKAGES)
	@exec scripts/bench $(ARGS)

format: ## formats the Swift sources in place
	@exec scripts/format

lint: ## checks the form of the sources
	@exec scripts/lint

clean: ## removes what was built; keeps the data folder .build-data
	rm -rf .build .build-python
