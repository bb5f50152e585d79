"""How the page looks: system fonts, one accent colour, light and dark with AA contrast, 8-pixel grid."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

FONTS = (
    "system-ui",
    "-apple-system",
    "Segoe UI",
    "Roboto",
    "PingFang SC",
    "Microsoft YaHei",
    "Noto Sans CJK SC",
    "sans-serif",
)
MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")

CSS = (Path(__file__).parent / "page.css").read_text("utf-8")


def theme() -> gr.themes.Base:
    """Nothing is fetched: fonts are named, never linked."""
    look = gr.themes.Base(
        primary_hue=gr.themes.colors.teal,
        secondary_hue=gr.themes.colors.teal,
        neutral_hue=gr.themes.colors.slate,
        radius_size=gr.themes.sizes.radius_md,
        font=FONTS,
        font_mono=MONO,
    )
    return look.set(
        body_background_fill="#f8fafc",
        body_background_fill_dark="#0f172a",
        button_primary_background_fill="#0f766e",
        button_primary_background_fill_hover="#115e59",
        button_primary_background_fill_dark="#0f766e",
        button_primary_background_fill_hover_dark="#0d9488",
        button_primary_text_color="#ffffff",
        button_primary_text_color_dark="#ffffff",
        block_label_text_color="#334155",
        block_label_text_color_dark="#cbd5e1",
        block_info_text_color="#475569",
        block_info_text_color_dark="#94a3b8",
        body_text_color="#0f172a",
        body_text_color_dark="#e2e8f0",
        body_text_color_subdued="#475569",
        body_text_color_subdued_dark="#94a3b8",
        input_placeholder_color="#64748b",
        input_placeholder_color_dark="#94a3b8",
        link_text_color="#0f766e",
        link_text_color_dark="#2dd4bf",
        slider_color="#0f766e",
        slider_color_dark="#2dd4bf",
    )
