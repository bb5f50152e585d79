"""Messages with decoded media → the inputs of a transformers processor.

Only arrays go in, never a path or a URL, which the library would open; the visitor's text cannot write the
control tokens of the chat template.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image
from transformers.feature_extraction_utils import BatchFeature
from transformers.video_utils import VideoMetadata

from ..errors import InputError
from ..types import Medium, Message

TIMES_PER_S = 1000  # a sampled frame is numbered by its millisecond


class Conversation:
    """A conversation as the content parts that chat templates know."""

    def __init__(self, messages: Sequence[Message]):
        self._messages = messages
        self._videos: list[Medium] = []

    def inputs(self, processor, title: str) -> BatchFeature:
        """The tensors of the prompt. Raises InputError when the processor takes no such medium."""
        self._processor, self._title = processor, title
        turns = [{"role": message.role, "content": self._parts(message)} for message in self._messages]
        return processor.apply_chat_template(
            turns,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            add_generation_prompt=True,
            sanitize_control_tokens=True,
            processor_kwargs={"return_tensors": "pt"} | self._timing(),
        )

    def _parts(self, message: Message) -> list[dict]:
        """Media first, as the models were trained, then the text."""
        parts = [part for medium in message.media for part in self._medium(medium)]
        return [*parts, {"type": "text", "text": message.text}]

    def _medium(self, medium: Medium) -> list[dict]:
        seen = [] if medium.frames is None else self._seen(medium)
        if medium.samples is None or (seen and not self._has("feature_extractor")):
            return seen
        return [*seen, self._heard(medium)]

    def _seen(self, medium: Medium) -> list[dict]:
        """A picture; a video as such, or frame by frame for a model that knows only pictures."""
        if not self._has("image_processor"):
            raise InputError("not_taken", model=self._title, kind=medium.kind)
        if medium.kind == "video" and self._has("video_processor"):
            self._videos.append(medium)
            return [{"type": "video", "video": medium.frames}]
        return [{"type": "image", "image": Image.fromarray(frame)} for frame in medium.frames]

    def _heard(self, medium: Medium) -> dict:
        if not self._has("feature_extractor"):
            raise InputError("not_taken", model=self._title, kind="audio")
        return {"type": "audio", "audio": resampled(medium, self._processor.feature_extractor.sampling_rate)}

    def _has(self, part: str) -> bool:
        return getattr(self._processor, part, None) is not None

    def _timing(self) -> dict:
        """When each frame was seen, for models that write it into the prompt; frames are sampled already."""
        if not self._videos:
            return {}
        facts = [_facts(video) for video in self._videos]
        rates = [fact.sampled_fps for fact in facts]
        return {"do_sample_frames": False, "video_metadata": [facts], "fps": sum(rates) / len(rates)}


def _facts(video: Medium) -> VideoMetadata:
    times = video.times_s or tuple(float(number) for number in range(len(video.frames)))
    numbers = [round(time_s * TIMES_PER_S) for time_s in times]
    step = (numbers[-1] - numbers[0]) // max(1, len(numbers) - 1) or TIMES_PER_S
    count = numbers[-1] + step  # up to the end of the last frame
    height, width = video.frames.shape[1:3]
    return VideoMetadata(count, float(TIMES_PER_S), width, height, count / TIMES_PER_S, frames_indices=numbers)


def resampled(medium: Medium, rate_hz: int) -> np.ndarray:
    """The samples of ``medium`` at ``rate_hz``, (S,) float32."""
    if medium.rate_hz == rate_hz:
        return medium.samples
    import torch
    from torchaudio.functional import resample

    return resample(torch.from_numpy(medium.samples), medium.rate_hz, rate_hz).numpy()
