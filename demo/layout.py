"""The page: tabs in visiting order, the header with its language switch, the status strip."""

from __future__ import annotations

from functools import partial

import gradio as gr

from mmcore import Studio

from . import api, theme, tools, uploads
from .page import QUIET, Page
from .tabs import caption, chat, classify, models

TABS = {"classify": classify.build, "caption": caption.build, "chat": chat.build, "models": models.build}

HOUR_S = 3600
DELETE_CACHE = (HOUR_S // 2, HOUR_S + HOUR_S // 2 - 60)  # looked at every half hour, deleted within two hours
QUEUE = 64  # visitors who may wait

# A model's answer is Markdown and may name pictures: none is fetched from another machine.
HEAD = (
    "<meta http-equiv=\"Content-Security-Policy\" content=\"img-src 'self' data: blob:; media-src 'self' data: blob:; "
    "font-src 'self' data:; frame-src 'self'; object-src 'none'\">"
    # for ``.mm-elapsed``: Gradio leaves this rule out of the css that it is given
    '<style>@property --mm-s { syntax: "<integer>"; initial-value: 0; inherits: false; }</style>'
)

# The one thing Gradio's Python cannot do: tell its own words ("Drop file here") to follow the switch. The
# function is the one that Gradio's settings page calls; where a future Gradio lacks it, only those words stay.
FOLLOW = """async (language) => {
  localStorage.setItem("mm-language", language);
  document.documentElement.lang = language;
  const core = performance.getEntriesByType("resource").map(r => r.name).find(n => /\\/core-[^/]*\\.js$/.test(n));
  try { if (core) (await import(core)).changeLocale(language === "zh" ? "zh-CN" : "en"); } catch (_) {}
  return language;
}"""
CHOOSE = f"""() => {{
  const kept = localStorage.getItem("mm-language");
  const language = kept || (navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en");
  return kept ? ({FOLLOW})(language) : language;
}}"""


def build(studio: Studio) -> gr.Blocks:
    """The whole page over ``studio``; nothing is loaded by building it."""
    uploads.never_fetch_links()
    page = Page(studio, i18n=gr.I18n())
    with gr.Blocks(title="Multimodal Studio", delete_cache=DELETE_CACHE, analytics_enabled=False) as blocks:
        page.blocks = blocks
        _header(page)
        page.strip = gr.HTML(page.status("en"), elem_id="strip", render=False)
        with gr.Tabs(elem_id="tabs"):
            for name, build_tab in TABS.items():
                with page.add(gr.Tab, {"label": f"tab_{name}"}, id=name, elem_id=f"tab-{name}") as page.tab:
                    build_tab(page)
        page.strip.render()
        page.follow(page.strip, lambda language: {"value": page.status(language)})
        _follow_language(blocks, page)
        api.add(studio, blocks)
    page.i18n.translations.update(page.translations())
    blocks.i18n_instance = page.i18n
    return blocks


def _header(page: Page) -> None:
    with gr.Row(elem_classes="mm-header"):
        with gr.Column(scale=5, min_width=240):
            gr.HTML("<h1>Multimodal Studio</h1>", elem_classes="mm-title")
            page.add(gr.HTML, {"value": "purpose"}, elem_classes="mm-purpose")
        page.language = gr.Radio(
            [("EN", "en"), ("中文", "zh")],
            value="en",
            show_label=False,
            label="Language · 语言",
            container=False,
            min_width=140,
            scale=0,
            elem_id="language",
        )


def _follow_language(blocks: gr.Blocks, page: Page) -> None:
    """The page takes the browser's language when it opens, and the switch's afterwards."""
    chosen = blocks.load(None, None, [page.language], js=CHOOSE, **QUIET)
    queued = QUIET | {"queue": True, "concurrency_limit": None}  # only what is queued can be cancelled
    opened = chosen.then(page.opening_in, [page.language], [*page.worded, *page.opening], **queued)
    switched = page.language.input(
        page.words_in,
        [page.language],
        list(page.worded),
        js=FOLLOW,
        trigger_mode="always_last",
        cancels=[opened],  # a switch while the page still opens is not undone by what arrives late
        **QUIET,
    )
    for function, inputs, outputs in page.redrawn:
        switched = switched.then(function, [*inputs, page.language], outputs, **QUIET)
    _renew(switched, [block for block in blocks.blocks.values() if isinstance(block, (gr.File, gr.Audio, gr.Video))])


def _renew(switched, components: list) -> None:
    """Drop zones keep the words that they were mounted with: take them off the page and put them back, files kept."""
    for visible in (False, True):
        switched = switched.then(partial(_all_visible, visible, len(components)), None, components, **QUIET)


def _all_visible(visible: bool, count: int) -> list[dict]:
    return [gr.update(visible=visible) for _ in range(count)]


def launch(blocks: gr.Blocks, *, max_file_bytes: int, mcp: bool = False, **server):
    """Serve the page. What Gradio's own defaults would collect, keep or expose is turned off here."""
    blocks.queue(max_size=QUEUE, default_concurrency_limit=4)
    if mcp:
        tools.mend()
    return blocks.launch(
        theme=theme.theme(),
        css=theme.CSS,
        head=HEAD,
        i18n=blocks.i18n_instance,
        ssr_mode=False,
        run_history=False,
        enable_monitoring=False,
        show_error=False,
        max_file_size=max_file_bytes,
        footer_links=["api", "gradio", "settings"],
        mcp_server=mcp,
        **server,
    )
