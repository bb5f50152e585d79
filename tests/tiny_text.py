"""Tokenizers trained on the spot and chat templates, for the tiny random checkpoints of ``tiny_models``."""

from __future__ import annotations

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import BertTokenizer, CLIPTokenizer, PreTrainedTokenizerFast, Qwen2Tokenizer, WhisperTokenizer
from transformers.models.siglip2.tokenization_siglip2 import Siglip2Tokenizer

CORPUS = (
    "a photo of a red bird, a green house and a blue boat on the sea",
    "what do you see in the picture? describe the video and the sound in one sentence",
    "the quick brown fox jumps over the lazy dog; user, assistant and system speak in turns",
    "一张红色的鸟的照片，图里有什么？请用一句话描述视频和声音。",
)
VOCABULARY = 480  # tokens, of which 256 are the bytes

#: Turns between markers, media as one placeholder token each; the shape of most templates on the hub.
TURNS = (
    "{%- for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' }}"
    "{%- if message['content'] is string %}{{ message['content'] }}{%- else %}"
    "{%- for part in message['content'] %}"
    "{%- if part['type'] == 'image' %}{{ 'IMAGE' }}"
    "{%- elif part['type'] == 'video' %}{{ 'VIDEO' }}"
    "{%- elif part['type'] == 'audio' %}{{ 'AUDIO' }}"
    "{%- else %}{{ part['text'] }}{%- endif %}{%- endfor %}{%- endif %}"
    "{%- if not (continue_final_message and loop.last) %}{{ '<|im_end|>\n' }}{%- endif %}{%- endfor %}"
    "{%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{%- endif %}"
)


def template(image: str = "", video: str = "", audio: str = "") -> str:
    """The chat template with a family's placeholders in it."""
    return TURNS.replace("IMAGE", image).replace("VIDEO", video).replace("AUDIO", audio)


def byte_pairs(suffix: str = "") -> tuple[dict[str, int], list[tuple[str, str]]]:
    """A byte-level vocabulary and its merges, trained on CORPUS."""
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    ending = {"end_of_word_suffix": suffix} if suffix else {}
    tokenizer = Tokenizer(models.BPE(**ending))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        initial_alphabet=sorted(alphabet),
        show_progress=False,
        **ending,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    vocabulary = tokenizer.get_vocab()
    for letter in sorted(alphabet):  # every byte can also end a word
        vocabulary.setdefault(letter + suffix, len(vocabulary))
    merges = [tuple(pair) for pair in _model_of(tokenizer)["merges"]]
    return vocabulary, merges


def _model_of(tokenizer: Tokenizer) -> dict:
    import json

    return json.loads(tokenizer.to_str())["model"]


def clip() -> CLIPTokenizer:
    vocabulary, merges = byte_pairs(suffix="</w>")
    for token in ("<|startoftext|>", "<|endoftext|>"):
        vocabulary[token] = len(vocabulary)
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=77)


def qwen(*specials: str, **named: str) -> Qwen2Tokenizer:
    """Qwen's own class; ``named`` tokens become attributes such as ``image_token``."""
    vocabulary, merges = byte_pairs()
    for token in ("<|endoftext|>", "<|im_start|>", "<|im_end|>", *specials, *named.values()):
        vocabulary.setdefault(token, len(vocabulary))
    return Qwen2Tokenizer(
        vocab=vocabulary,
        merges=merges,
        eos_token="<|im_end|>",
        extra_special_tokens=["<|im_start|>", *specials],
        model_specific_special_tokens=named,
    )


def generic(*specials: str, bos: str, eos: str, pad: str, **named: str) -> PreTrainedTokenizerFast:
    """A byte-level tokenizer of no special class, as SmolLM's and LFM's are."""
    vocabulary, merges = byte_pairs()
    inner = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=inner,
        bos_token=bos,
        eos_token=eos,
        pad_token=pad,
        unk_token=eos,
        extra_special_tokens=list(specials),
        model_specific_special_tokens=named,
    )


def gemma_like(kind: type = PreTrainedTokenizerFast, **named: str):
    """SentencePiece in style: spaces as "▁", unknown letters as bytes; SigLIP 2's and Gemma's."""
    fixed = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
    inner = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    inner.normalizer = normalizers.Replace(" ", "▁")
    bytes_ = [f"<0x{value:02X}>" for value in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY, special_tokens=fixed + bytes_, show_progress=False)
    inner.train_from_iterator(CORPUS, trainer)
    model = _model_of(inner)
    merges = [tuple(pair) for pair in model["merges"]]
    if kind is not PreTrainedTokenizerFast:
        return kind(vocab=model["vocab"], merges=merges, padding_side="right")
    inner = Tokenizer(models.BPE(model["vocab"], merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    inner.normalizer = normalizers.Replace(" ", "▁")
    inner.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    return kind(
        tokenizer_object=inner,
        bos_token="<bos>",
        eos_token="<eos>",
        pad_token="<pad>",
        unk_token="<unk>",
        extra_special_tokens=["<|im_start|>", "<|im_end|>"],
        model_specific_special_tokens=named,
    )


def siglip2() -> Siglip2Tokenizer:
    return gemma_like(Siglip2Tokenizer)


def chinese() -> BertTokenizer:
    """WordPiece over Chinese characters and Latin letters."""
    letters = sorted({letter for line in CORPUS for letter in line if not letter.isspace()})
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *("##" + letter for letter in letters)]
    return BertTokenizer(vocab={token: number for number, token in enumerate(tokens)}, model_max_length=52)


WHISPER_TOKENS = (
    "endoftext",
    "startoftranscript",
    "en",
    "zh",
    "translate",
    "transcribe",
    "startoflm",
    "startofprev",
    "nospeech",
    "notimestamps",
)


def whisper() -> WhisperTokenizer:
    """Whisper's order: text, end, start, languages, tasks, then 1,501 times of 20 ms."""
    vocabulary, merges = byte_pairs()
    specials = [f"<|{name}|>" for name in WHISPER_TOKENS]
    vocabulary["<|endoftext|>"] = len(vocabulary)
    tokenizer = WhisperTokenizer(vocab=vocabulary, merges=merges)
    tokenizer.add_special_tokens({"extra_special_tokens": specials[1:]})
    tokenizer.add_tokens([f"<|{step * 0.02:.2f}|>" for step in range(1501)])
    return tokenizer


def unwritten(tokenizer) -> list[int]:
    """The tokens that no answer should hold, so that its text shows every token: controls, parts of letters."""
    broken = [number for number in range(len(tokenizer)) if "�" in tokenizer.decode([number])]
    return sorted({*tokenizer.added_tokens_decoder, *broken, *tokenizer.all_special_ids})
