# SPDX-License-Identifier: Apache-2.0
# Every target installs what it needs (see Scripts/bootstrap) and can be called on a fresh machine.

.DEFAULT_GOAL := help
# make's own variable names, so that `make fuzz SECONDS=60` can be typed.
fuzz: export FUZZ_SECONDS := $(SECONDS)
fuzz: export FUZZ_RUNS := $(RUNS)
fuzz: export FUZZ_TARGETS := $(TARGETS)

.PHONY: help demo test xla test-browser fuzz sanitize format lint bench docs goldens build clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Train a model in stages and from scratch, compare, in five minutes (TEXT=path for any text)
	@Scripts/demo

test: ## Build and run all tests
	@Scripts/test

xla: ## Install XLA's plugin for CPUs in .xla, for the accelerator engine's tests
	@Scripts/bootstrap xla

test-browser: ## Open reports in a headless Chromium and check what it draws
	@Scripts/test-browser

fuzz: ## Fuzz every reader of files (SECONDS=60 in all, RUNS=of each, TARGETS="config log")
	@Scripts/fuzz

sanitize: ## Run the tests under the address and the thread sanitizer (SANITIZER=, FILTER=)
	@Scripts/sanitize

build: ## Build the library and the command for release
	@Scripts/bootstrap build
	swift build -c release

format: ## Format the sources in place
	@Scripts/format --in-place

lint: ## Check formats, numbers from outside, labels, and the picture of the modules
	@Scripts/format --lint
	@Scripts/lint-numbers
	@Scripts/lint-labels
	@Scripts/modules --check

bench: ## Measure training steps and tokenizers beside PyTorch and Hugging Face
	@Scripts/bench

docs: ## Build the documentation into .build/docs
	@Scripts/docs

goldens: ## Make the tests' reference values again, with PyTorch
	@Scripts/goldens

clean: ## Remove everything that was built; runs and the demo's models stay
	rm -rf .build .build-fuzz .build-address .build-thread Benchmarks/.build
