"""Models of operators that compute: windows, dense layers, functions of elements, reductions."""

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tflite_cases.maker import Maker
from tflite_cases.parts import RELU, RELU6, SAME, VALID, add, conv, dense, flatten, image

RELU_N1_TO_1 = schema.ActivationFunctionType.RELU_N1_TO_1


def transpose_conv(m: Maker, padding: int, stride: int) -> int:
    overhang = 0 if padding == SAME else 2
    size = m.ints(1, 4 * stride + overhang, 5 * stride + overhang, 2)
    inputs = [size, m.weights(2, 3, 3, 4), m.input(1, 4, 5, 4), m.weights(2)]
    fields = {"padding": padding, "strideW": stride, "strideH": stride}
    return int(m.op("TRANSPOSE_CONV", inputs, "TransposeConvOptions", version=3, **fields))


def add_windows() -> None:
    for padding, text in ((SAME, "same"), (VALID, "valid")):
        for stride in (1, 2, 3):
            add(
                f"conv-{text}-{stride}",
                lambda m, p=padding, s=stride: conv(
                    m, m.input(2, 7, 8, 3), 3, 5, padding=p, strideW=s, strideH=s
                ),
            )
            add(
                f"depthwise-{text}-{stride}",
                lambda m, p=padding, s=stride: m.op(
                    "DEPTHWISE_CONV_2D",
                    [m.input(1, 6, 7, 3), m.weights(1, 3, 3, 6), m.weights(6)],
                    "DepthwiseConv2DOptions",
                    padding=p,
                    strideW=s,
                    strideH=s,
                    depthMultiplier=2,
                    fusedActivationFunction=RELU6,
                ),
            )
            add(
                f"transpose-conv-{text}-{stride}",
                lambda m, p=padding, s=stride: transpose_conv(m, p, s),
            )
        for kind in ("AVERAGE_POOL_2D", "MAX_POOL_2D"):
            add(
                f"{kind.lower().split('_')[0]}-pool-{text}",
                lambda m, k=kind, p=padding: m.op(
                    k,
                    [m.input(1, 7, 6, 3)],
                    "Pool2DOptions",
                    padding=p,
                    strideW=2,
                    strideH=3,
                    filterWidth=3,
                    filterHeight=2,
                    fusedActivationFunction=RELU,
                ),
            )
    add(
        "conv-dilated",
        lambda m: conv(m, m.input(1, 9, 9, 2), 2, 3, dilationWFactor=2, dilationHFactor=3),
    )
    add("conv-grouped", lambda m: conv(m, m.input(1, 5, 5, 6), 2, 9))
    add("conv-fused", lambda m: conv(m, m.input(1, 5, 5, 2), 2, 3, fusedActivationFunction=RELU))
    add(
        "conv-clipped",
        lambda m: conv(m, m.input(1, 5, 5, 2), 2, 3, fusedActivationFunction=RELU_N1_TO_1),
    )
    for corners, centers in ((False, False), (True, False), (False, True)):
        for kind, options in (
            ("RESIZE_BILINEAR", "ResizeBilinearOptions"),
            ("RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighborOptions"),
        ):
            for size in ((10, 9), (3, 4)):
                add(
                    f"{kind.lower().replace('_', '-')}-{corners:d}{centers:d}-{size[0]}",
                    lambda m, k=kind, o=options, c=corners, h=centers, s=size: m.op(
                        k,
                        [m.input(1, 5, 6, 2), m.ints(*s)],
                        o,
                        version=3,
                        alignCorners=c,
                        halfPixelCenters=h,
                    ),
                )
    add(
        "depth-to-space",
        lambda m: m.op("DEPTH_TO_SPACE", [image(m, 8)], "DepthToSpaceOptions", blockSize=2),
    )
    add(
        "space-to-depth",
        lambda m: m.op("SPACE_TO_DEPTH", [m.input(1, 4, 6, 3)], "SpaceToDepthOptions", blockSize=2),
    )


def add_dense() -> None:
    add("dense", lambda m: dense(m, m.input(3, 7), 7, 4, fusedActivationFunction=RELU))
    add("dense-keeps-axes", lambda m: dense(m, m.input(2, 3, 7), 7, 4, version=5, keepNumDims=True))
    add("dense-of-image", lambda m: dense(m, image(m), 120, 5))
    add("dense-of-flattened", lambda m: dense(m, flatten(m, image(m), -1, 120), 120, 5))
    add("dense-of-pixels", lambda m: dense(m, image(m), 4, 5))
    add(
        "dense-of-relu-of-flattened",
        lambda m: dense(m, m.op("RELU", [flatten(m, image(m), 1, 120)]), 120, 5),
    )
    add("dense-of-input-image", lambda m: dense(m, m.input(2, 3, 4, 2), 24, 5))
    add(
        "dense-without-bias",
        lambda m: m.op(
            "FULLY_CONNECTED",
            [m.input(2, 6), m.weights(3, 6), -1],
            "FullyConnectedOptions",
            version=6,
        ),
    )
    for x, y in ((False, False), (True, False), (False, True)):
        add(
            f"batch-matmul-{x:d}{y:d}",
            lambda m, x=x, y=y: m.op(
                "BATCH_MATMUL",
                [m.input(2, *((4, 3) if x else (3, 4))), m.input(2, *((5, 4) if y else (4, 5)))],
                "BatchMatMulOptions",
                adjX=x,
                adjY=y,
            ),
        )


def add_elementwise() -> None:
    plain = "ABS CEIL ELU EXP FLOOR HARD_SWISH LOGISTIC NEG SQUARE TANH"
    for name in f"{plain} RELU RELU6 RELU_N1_TO_1 RELU_0_TO_1".split():
        add(f"{name.lower().replace('_', '-')}", lambda m, n=name: m.op(n, [image(m)]))
    for name in ("LOG", "RSQRT", "SQRT"):
        add(name.lower(), lambda m, n=name: m.op(n, [m.op("EXP", [m.input(2, 9)])]))
    for approximate in (False, True):
        add(
            f"gelu-{approximate:d}",
            lambda m, a=approximate: m.op("GELU", [m.input(2, 9)], "GeluOptions", approximate=a),
        )
    add("leaky-relu", lambda m: m.op("LEAKY_RELU", [image(m)], "LeakyReluOptions", alpha=0.3))
    add("prelu", lambda m: m.op("PRELU", [image(m), m.weights(1, 1, 4)]))
    add("prelu-of-input", lambda m: m.op("PRELU", [m.input(1, 3, 4, 5), m.weights(1, 1, 5)]))
    fused = {"ADD": "AddOptions", "SUB": "SubOptions", "MUL": "MulOptions", "DIV": "DivOptions"}
    others = {"a-vector": (4,), "a-row": (6, 4), "an-image": (1, 5, 6, 4), "a-scalar": ()}
    for name, options in fused.items():
        add(
            f"{name.lower()}-images",
            lambda m, n=name, o=options: m.op(
                n, [image(m), m.op("EXP", [image(m)])], o, fusedActivationFunction=RELU
            ),
        )
        for text, shape in others.items():
            add(
                f"{name.lower()}-{text}",
                lambda m, n=name, o=options, s=shape: m.op(
                    n, [image(m), m.constant(m.numbers(*s, low=0.5))], o
                ),
            )
        add(
            f"{name.lower()}-from-a-vector",
            lambda m, n=name, o=options: m.op(
                n, [m.weights(4), m.op("EXP", [m.input(3, 4)])], o, fusedActivationFunction=RELU6
            ),
        )
    add("add-n", lambda m: m.op("ADD_N", [image(m), m.input(1, 5, 6, 4), image(m)]))
    for name in ("MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE"):
        add(name.lower().replace("_", "-"), lambda m, n=name: m.op(n, [image(m), m.weights(4)]))
    add("pow", lambda m: m.op("POW", [m.op("EXP", [m.input(3, 4)]), m.weights(4)]))
    comparisons = "EQUAL NOT_EQUAL LESS LESS_EQUAL GREATER GREATER_EQUAL"
    for name in comparisons.split():
        add(name.lower().replace("_", "-"), lambda m, n=name: compared(m, n))
    add("select", lambda m: select(m))
    add("half-weights", lambda m: half_weights(m))


def compared(m: Maker, name: str) -> int:
    x = m.op("FLOOR", [image(m)])
    truth = m.op(name, [x, m.constant(np.zeros(4, np.float32))], dtype=np.bool_)
    other = m.op("LESS", [x, m.constant(np.float32(1))], dtype=np.bool_)
    both = m.op(
        "LOGICAL_AND", [truth, m.op("LOGICAL_NOT", [other], dtype=np.bool_)], dtype=np.bool_
    )
    either = m.op("LOGICAL_OR", [both, truth], dtype=np.bool_)
    return int(m.op("CAST", [either], "CastOptions", inDataType=6, outDataType=0))


def select(m: Maker) -> int:
    x = image(m)
    truth = m.op("GREATER", [x, m.constant(np.float32(0))], dtype=np.bool_)
    return int(m.op("SELECT_V2", [truth, x, m.weights(4)]))


def half_weights(m: Maker) -> int:
    def half(*shape: int) -> int:
        return int(m.op("DEQUANTIZE", [m.constant(m.numbers(*shape), np.float16)], version=2))

    x = m.input(1, 5, 5, 3)
    options = {"padding": SAME, "strideW": 2, "strideH": 2}
    return int(m.op("CONV_2D", [x, half(4, 3, 3, 3), half(4)], "Conv2DOptions", **options))


def add_reductions() -> None:
    for axes in ((1, 2), (3,), (1,), (0, 3), (-1, -2)):
        for keep in (False, True):
            add(
                f"mean-{''.join(map(str, axes))}-{keep:d}",
                lambda m, a=axes, k=keep: m.op(
                    "MEAN", [image(m), m.ints(*a)], "ReducerOptions", keepDims=k
                ),
            )
    for name in ("SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD"):
        add(
            name.lower().replace("_", "-"),
            lambda m, n=name: m.op(
                n, [m.input(2, 3, 4), m.scalar(1)], "ReducerOptions", keepDims=False
            ),
        )
    add("softmax", lambda m: m.op("SOFTMAX", [m.input(2, 7)], "SoftmaxOptions", beta=1.0))
    add("softmax-of-image", lambda m: m.op("SOFTMAX", [image(m)], "SoftmaxOptions", beta=0.7))
    add("log-softmax", lambda m: m.op("LOG_SOFTMAX", [image(m)]))
    add("l2-normalization", lambda m: m.op("L2_NORMALIZATION", [image(m)], "L2NormOptions"))
    add("arg-max", lambda m: arg_max(m))


def arg_max(m: Maker) -> int:
    index = m.op(
        "ARG_MAX",
        [image(m), m.scalar(3)],
        "ArgMaxOptions",
        dtype=np.int32,
        outputType=schema.TensorType.INT32,
    )
    return int(m.op("CAST", [index], "CastOptions", inDataType=2, outDataType=0))
