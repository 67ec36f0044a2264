# `make demo` and `make test` are all a newcomer needs on a fresh Debian 12 (git, make, root).
SHELL := /bin/bash
BUILD ?= build
JOBS ?= $(shell nproc)

.PHONY: setup build openvino demo test test-models test-long test-aarch64 test-sanitize clean
setup:
	@tools/setup.sh

build: setup
	cmake -S . -B $(BUILD) -G Ninja
	cmake --build $(BUILD) -j $(JOBS)

# The same with the accelerator backend and the peers that use OpenVINO (a 59 MB wheel into .venv).
openvino: setup
	@tools/openvino.sh
	cmake -S . -B $(BUILD) -G Ninja -DPENUMBRA_OPENVINO=ON
	cmake --build $(BUILD) -j $(JOBS)

test: build
	@tools/test.sh $(BUILD)

demo: build
	@$(BUILD)/bin/penumbra-demo tests/data/resnet44-cifar10.onnx tests/data/cifar10/test tests/data/cifar10-calibration out/demo

# The trusted rooms on aarch64 under qemu-user.
test-aarch64: setup
	@tools/aarch64.sh

test-sanitize: setup
	@tools/sanitize.sh

# Downloads and large networks: measures every model and preset and rewrites docs/models.md (half an hour). A kill storm.
# Accuracy of the trained networks goes to docs/results/accuracy.md; DATA=DIR with cifar10-test.zip (test/CLASS/NNNN.jpg) and
# minivgg-cifar10.onnx: on CIFAR-10's test pictures, too.
test-models: build
	python3 tests/storm/storm.py --host $(BUILD)/tests/storm/storm_host --kills 300 --durable-kills 300
	python3 tools/models/accuracy.py --build $(BUILD) $(if $(DATA),--data $(DATA))
	python3 tools/models/table.py --build $(BUILD)

# Soaks: a million wrong replies, ten thousand kills, sanitizers, the other instruction set, hours of fuzzing
# (FUZZ_SECONDS for each target).
FUZZ_SECONDS ?= 3600
test-long: test test-sanitize test-aarch64
	$(BUILD)/tests/malice/malice_run --replies 1000000
	python3 tests/storm/storm.py --host $(BUILD)/tests/storm/storm_host --kills 10000 --durable-kills 5000
	@tools/fuzz.sh $(FUZZ_SECONDS)

clean:
	rm -rf $(BUILD)
