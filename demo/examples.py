"""Example inputs: files that come with Gradio (Apache-2.0), and what each one shows."""

from __future__ import annotations

from dataclasses import dataclass

from gradio.media import get_audio, get_image, get_video


@dataclass(frozen=True)
class Example:
    """``title``, ``labels`` and ``text`` are keys of the page's text."""

    file: str
    title: str
    labels: str = ""
    text: str = ""


def images() -> tuple[Example, ...]:
    return (
        Example(get_image("cheetah.jpg"), "example_cheetah", "example_cheetah_labels"),
        Example(get_image("bus.png"), "example_bus", "example_bus_labels", "example_bus_text"),
        Example(get_image("tower.jpg"), "example_tower", "example_tower_labels"),
        Example(get_image("lion.jpg"), "example_lion"),
    )


def clips() -> tuple[Example, ...]:
    return (
        Example(get_audio("cate_blanch.mp3"), "example_speech"),
        Example(get_video("world.mp4"), "example_video"),
        Example(get_audio("sax.wav"), "example_sax"),
    )


def questions() -> tuple[Example, ...]:
    return (
        Example(get_image("cheetah.jpg"), "chat_example_animal"),
        Example(get_image("bus.png"), "chat_example_dog"),
        Example(get_audio("cate_blanch.mp3"), "chat_example_said"),
        Example("", "chat_example_hello"),
    )
