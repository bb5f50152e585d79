"""Each family that chats, on a tiny random checkpoint of its very class: loaded, shown things, heard out."""

from __future__ import annotations

import numpy as np
import pytest
from tiny_rows import CHATS, audio_medium, image_medium, made, opened, video_medium

from mmcore.errors import InputError
from mmcore.types import Delta, Message, Sampling

pytestmark = pytest.mark.tiny

HEARING = ("gemma4", "qwen2_5_omni")
BRIEF = Sampling(max_tokens=6, temperature=0)
SHOWN = {
    "text": (),
    "image": (image_medium(0),),
    "another image": (image_medium(1),),
    "two images": (image_medium(0), image_medium(1)),
    "video": (video_medium(),),
    "longer video": (video_medium(6),),
}
HEARD = {"audio": (audio_medium(),), "video with sound": (video_medium(heard=True),)}


@pytest.fixture(scope="module", params=CHATS)
def family(request):
    return request.param


@pytest.fixture(scope="module")
def folder(family, tmp_path_factory):
    return made(CHATS[family], tmp_path_factory.mktemp(family))


def asked(model, media) -> tuple[str, object, np.ndarray]:
    """The answer, its usage, and what the language model makes of the prompt, (tokens, D)."""
    first = []

    def keep(_, __, output):
        first.append(output.last_hidden_state[0].float().numpy())

    hook = model._model.get_decoder().register_forward_hook(keep)
    turns = [Message("system", "Be brief."), Message("user", "What do you see?", media=media)]
    pieces = [piece for piece in model.stream(turns, BRIEF) if isinstance(piece, Delta)]
    hook.remove()
    return "".join(piece.text for piece in pieces), pieces[-1].usage, first[0]


def test_all_that_is_shown_reaches_the_answer(family, folder):
    model = opened("chat", "transformers_chat", folder)
    seen = {}
    for what, media in (SHOWN | (HEARD if family in HEARING else {})).items():
        text, usage, states = asked(model, media)
        seen[what] = states[-1]
        assert text
        assert usage.completion_tokens == BRIEF.max_tokens
        assert usage.prompt_tokens > 0 and usage.first_token_s > 0 and usage.tokens_per_s > 0
    names = list(seen)
    alike = [(a, b) for a in names for b in names if a < b and np.allclose(seen[a], seen[b], atol=1e-4)]
    assert alike == []
    model.close()


@pytest.mark.parametrize(("precision", "likeness"), [("bf16", 0.99), ("int8", 0.98), ("nf4", 0.35)])
def test_at_every_precision_a_picture_moves_the_answer_the_same_way(family, folder, precision, likeness):
    full, coarse = opened("chat", "transformers_chat", folder), opened("chat", "transformers_chat", folder, precision)
    moved = []
    for model in (full, coarse):
        one, other = (asked(model, SHOWN[what])[2] for what in ("image", "another image"))
        moved.append((one - other).ravel())
        model.close()
    found = np.corrcoef(*moved)[0, 1]
    assert found > likeness


def test_sound_is_heard_or_refused_and_a_video_with_sound_is_always_seen(family, folder):
    model = opened("chat", "transformers_chat", folder)
    if family in HEARING:
        assert asked(model, HEARD["audio"])[0]
    else:
        with pytest.raises(InputError) as refused:
            asked(model, HEARD["audio"])
        assert refused.value.code == "not_taken"
    assert asked(model, HEARD["video with sound"])[0]
    model.close()
