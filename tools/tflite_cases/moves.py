"""Models of operators that move elements, and of several operators together."""

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tflite_cases.maker import Maker
from tflite_cases.parts import RELU, RELU6, VALID, add, conv, dense, flatten, image


def cut(m: Maker, x: int, starts: Any, ends: Any, steps: Any, **masks: int) -> int:
    numbers = [m.ints(*starts), m.ints(*ends), m.ints(*steps)]
    return int(m.op("STRIDED_SLICE", [x, *numbers], "StridedSliceOptions", **masks))


def add_moves() -> None:
    for axis in (1, 3, -1):
        add(
            f"concatenation-{axis}",
            lambda m, a=axis: m.op(
                "CONCATENATION",
                [image(m), m.input(1, 5, 6, 4), image(m)],
                "ConcatenationOptions",
                axis=a,
            ),
        )
    add(
        "gather",
        lambda m: m.op("GATHER", [m.input(3, 4), m.ints(2, 0, 2)], "GatherOptions", axis=1),
    )
    pads = [[0, 0], [1, 2], [0, 3], [2, 0]]
    add("pad", lambda m: m.op("PAD", [image(m), m.constant(pads, np.int32)]))
    add(
        "padv2",
        lambda m: m.op(
            "PADV2", [image(m), m.constant(pads, np.int32), m.constant(np.float32(1.5))]
        ),
    )
    add(
        "mirror-pad",
        lambda m: m.op(
            "MIRROR_PAD", [image(m), m.constant(pads, np.int32)], "MirrorPadOptions", mode=0
        ),
    )
    add(
        "pad-before-conv",
        lambda m: conv(
            m,
            m.op("PAD", [image(m), m.constant([[0, 0], [0, 1], [0, 1], [0, 0]], np.int32)]),
            4,
            3,
            padding=VALID,
            strideW=2,
            strideH=2,
        ),
    )
    add("slice", lambda m: m.op("SLICE", [image(m), m.ints(0, 1, 2, 1), m.ints(1, 3, -1, 2)]))
    add(
        "split",
        lambda m: m.op("SPLIT", [m.scalar(3), image(m)], "SplitOptions", outputs=2, numSplits=2),
    )
    add(
        "split-v",
        lambda m: m.op(
            "SPLIT_V",
            [image(m), m.ints(1, -1, 2), m.scalar(2)],
            "SplitVOptions",
            outputs=3,
            numSplits=3,
        ),
    )
    add(
        "strided-slice",
        lambda m: cut(m, image(m), (0, 1, 9, 0), (1, 9, 0, 0), (1, 2, -1, 1), endMask=8),
    )
    add(
        "strided-slice-backwards",
        lambda m: cut(m, m.input(4, 5), (0, -1), (3, 0), (1, -2), endMask=2),
    )
    add(
        "strided-slice-drops",
        lambda m: cut(m, image(m), (0, -2, 0), (1, 0, 4), (1, 1, 2), shrinkAxisMask=3),
    )
    add("tile", lambda m: m.op("TILE", [image(m), m.ints(1, 2, 1, 3)]))
    add("transpose", lambda m: m.op("TRANSPOSE", [image(m), m.ints(0, 3, 1, 2)]))
    add("transpose-of-input", lambda m: m.op("TRANSPOSE", [m.input(2, 3, 4), m.ints(2, 0, 1)]))
    add("broadcast-to", lambda m: m.op("BROADCAST_TO", [m.input(3, 1), m.ints(2, 3, 4)], version=2))


def add_reshapes() -> None:
    add("expand-dims", lambda m: m.op("EXPAND_DIMS", [image(m), m.scalar(-1)]))
    add(
        "pack",
        lambda m: m.op(
            "PACK", [m.input(3, 4), m.input(3, 4)], "PackOptions", axis=1, valuesCount=2
        ),
    )
    add(
        "unpack", lambda m: m.op("UNPACK", [image(m, 2)], "UnpackOptions", outputs=2, axis=3, num=2)
    )
    add("reshape-image", lambda m: flatten(m, image(m), 1, 30, 1, 4))
    add("reshape-to-itself", lambda m: m.op("RELU", [flatten(m, image(m), 1, 5, 6, 4)]))
    add("flattened-output", lambda m: flatten(m, image(m), 1, -1))
    add(
        "squeeze",
        lambda m: m.op(
            "SQUEEZE",
            [m.op("MEAN", [image(m), m.ints(1, 2)], "ReducerOptions", keepDims=True)],
            "SqueezeOptions",
            squeezeDims=[1, 2],
        ),
    )
    add("shape-arithmetic", lambda m: shape_arithmetic(m))
    add("two-heads", lambda m: two_heads(m))


def shape_arithmetic(m: Maker) -> int:
    """A flattening as exporters write it for an open batch."""
    x = image(m)
    shape = m.op("SHAPE", [x], "ShapeOptions", dtype=np.int32, outType=schema.TensorType.INT32)
    fields: dict[str, Any] = {"shrinkAxisMask": 1, "dtype": np.int32}
    batch = m.op(
        "STRIDED_SLICE", [shape, m.ints(0), m.ints(1), m.ints(1)], "StridedSliceOptions", **fields
    )
    wanted = m.op("PACK", [batch, m.scalar(120)], "PackOptions", dtype=np.int32, valuesCount=2)
    return dense(m, int(m.op("RESHAPE", [x, wanted])), 120, 3)


def two_heads(m: Maker) -> list[int]:
    """A detector in small: residual blocks, boxes and scores of two grids joined."""
    x = m.input(1, 8, 8, 3, name="picture")
    a = conv(m, x, 3, 8, strideW=2, strideH=2, fusedActivationFunction=RELU6)
    b = m.op("ADD", [a, conv(m, a, 8, 8)], "AddOptions", fusedActivationFunction=RELU)
    c = conv(m, b, 8, 8, strideW=2, strideH=2)
    parts = [[flatten(m, conv(m, g, 8, k, 1), 1, -1, k // 2) for g in (b, c)] for k in (8, 4)]
    joined = [m.op("CONCATENATION", pair, "ConcatenationOptions", axis=1) for pair in parts]
    return [m.rename(joined[0], "boxes"), m.rename(m.op("LOGISTIC", [joined[1]]), "scores")]
