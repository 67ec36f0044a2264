"""All models: each function builds one and names its outputs."""

from tflite_cases import compute, moves
from tflite_cases.parts import CASES

compute.add_windows()
compute.add_dense()
compute.add_elementwise()
compute.add_reductions()
moves.add_moves()
moves.add_reshapes()

__all__ = ["CASES"]
