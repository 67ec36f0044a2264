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

demo: build
	@$(BUILD)/bin/penumbra-demo tests/data/resnet44-cifar10.onnx tests/data/cifar10/test tests/data/cifar10-calibration out/demo

clean:
	rm -rf $(BUILD)
