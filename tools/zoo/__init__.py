"""Generates the architectures of the evaluation as ONNX files with seeded random weights."""
