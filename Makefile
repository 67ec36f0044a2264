# `make demo` and `make test` are all a newcomer needs on a fresh Debian 12 (git, make, root).
SHELL := /bin/bash
BUILD ?= build
JOBS ?= $(shell nproc)

.PHONY: setup build demo test test-models test-long clean
setup:
	@tools/setup.sh

build: setup
	cmake -S . -B $(BUILD) -G Ninja
	cmake --build $(BUILD) -j $(JOBS)

test: build
	@tools/test.sh $(BUILD)

clean:
	rm -rf $(BUILD)
