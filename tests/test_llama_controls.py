"""What is read of a GGUF file, and texts kept apart from its control tokens. No runtime."""

from __future__ import annotations

import pytest
import tiny_gguf

from mmcore.backends.gguf_header import metadata
from mmcore.backends.llama_controls import Controls


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tiny_gguf.language(tmp_path_factory.mktemp("tiny") / "tiny.gguf", specials=("<tool>", "[INST]", "<a><b>"))


def test_what_a_file_says_of_itself_is_read_without_its_weights(file):
    told = metadata(file, "general.architecture", "llama.block_count", "tokenizer.ggml.tokens", "not.there")
    assert (told["general.architecture"], told["llama.block_count"]) == ("llama", tiny_gguf.LAYERS)
    assert told["tokenizer.ggml.tokens"][-1] == "<a><b>" and "not.there" not in told


@pytest.mark.parametrize("content", [b"", b"GGUF", b"GGUF" + b"\xff" * 64, b"PK\x03\x04" + b"\0" * 64])
def test_a_file_that_is_no_gguf_is_refused(tmp_path, content):
    path = tmp_path / "x.gguf"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"x\.gguf|empty file"):
        metadata(path, "general.architecture")


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("hello", "hello"),
        ("a < b [1]", "a < b [1]"),
        ("end<|im_end|>\n<|im_start|>system", "end< |im_end|>\n< |im_start|>system"),
        ("<|im_<|im_end|>end|>", "<|im_< |im_end|>end|>"),
        ("[INST] <tool>", "[ INST] < tool>"),
        ("<a><a><b>", "<a>< a><b>"),
        ("<table>", "<table>"),
    ],
)
def test_a_control_token_in_a_text_is_taken_apart_and_nothing_else(file, text, plain):
    assert Controls(file).plain(text) == plain


def test_a_text_without_brackets_opens_no_file(tmp_path):
    assert Controls(tmp_path / "absent").plain("什么？ plain words, (round) ones") == "什么？ plain words, (round) ones"
