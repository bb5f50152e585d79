"""What a visitor does, in a real browser, on the fake backend."""

from __future__ import annotations

import time
import wave

import numpy as np
import pytest
from playwright.sync_api import expect

from mmcore.backends import fake

LONG_QUESTION = " ".join("abcdefghij" * 12)  # the fake answers with 256 words, 20 ms each


@pytest.fixture
def tone(tmp_path):
    """Nine seconds of a tone, at 16 kHz."""
    path = tmp_path / "tone.wav"
    samples = (0.3 * np.sin(2 * np.pi * 220 * np.arange(9 * 16_000) / 16_000) * 32767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(samples.tobytes())
    return path


def ended(seconds: float = 5) -> bool:
    """Whether every stream of the engine ends within ``seconds``."""
    deadline = time.monotonic() + seconds
    while fake.running and time.monotonic() < deadline:
        time.sleep(0.05)
    return fake.running == 0


# -- classify


def test_one_click_on_an_example_classifies_it(visit):
    page = visit().page
    page.get_by_role("button", name="An animal: what is it?").click()
    expect(page.locator("#classify-answer .mm-lead")).to_be_visible()
    expect(page.locator("#classify-answer .mm-bars li")).to_have_count(5)
    expect(page.locator("#classify-answer .mm-badge")).to_contain_text("Fake image-classes")
    expect(page.locator("#classify-run")).to_be_visible()
    expect(page.locator(".mm-strip")).to_contain_text("in memory,")


def test_a_photo_of_ones_own_with_typed_labels_and_a_text(visit, photo):
    page = visit().page
    page.locator("#classify-image input[type=file]").set_input_files(photo)
    page.locator("#classify-labels textarea").fill("red thing, blue thing")
    page.locator("#classify-text :is(textarea, input)").fill("something red")
    page.locator("#classify-run").click()
    expect(page.locator("#classify-answer .mm-columns section")).to_have_count(3)
    expect(page.locator("#classify-answer .mm-columns")).to_contain_text("red thing")


def test_a_broken_file_gets_one_sentence_and_the_next_one_works(visit, photo, tmp_path):
    broken = tmp_path / "holiday.jpg"
    broken.write_bytes(b"\xff\xd8 this was a photo once")
    visitor = visit()
    page = visitor.page
    page.locator("#classify-image input[type=file]").set_input_files(broken)
    page.locator("#classify-labels textarea").fill("red thing, blue thing")
    page.locator("#classify-run").click()
    expect(page.locator("#classify-stage [role=alert]")).to_contain_text("holiday.jpg")
    assert str(tmp_path) not in page.content()
    expect(page.locator("#classify-labels textarea")).to_have_value("red thing, blue thing")
    page.locator("#classify-image").get_by_label("Remove Image").click()
    page.locator("#classify-image input[type=file]").set_input_files(photo)
    page.locator("#classify-run").click()
    expect(page.locator("#classify-answer .mm-lead")).to_be_visible()
    expect(page.locator("#classify-stage [role=alert]")).to_have_count(0)


def test_run_without_a_file_says_what_to_do(visit):
    page = visit().page
    page.locator("#classify-run").click()
    expect(page.locator("#classify-stage [role=alert]")).to_contain_text("Add a file first")


def test_a_double_click_on_run_runs_once_and_does_not_stop(visit, photo):
    page = visit().page
    page.locator("#classify-image input[type=file]").set_input_files(photo)
    page.locator("#classify-labels textarea").fill("red thing, blue thing")
    page.locator("#classify-run").dblclick(delay=30)
    expect(page.locator("#classify-answer .mm-lead")).to_be_visible()
    expect(page.locator("#classify-run")).to_be_visible()
    expect(page.locator("#classify-stage")).not_to_contain_text("Stopped")


def test_the_keyboard_alone_runs_it(visit, photo):
    page = visit().page
    page.locator("#classify-image input[type=file]").set_input_files(photo)
    page.locator("#classify-labels textarea").focus()
    page.keyboard.type("red thing, blue thing")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "classify-run":
            break
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    expect(page.locator("#classify-answer .mm-lead")).to_be_visible()


# -- caption


def test_a_clip_is_captioned_played_and_downloaded(visit, tone):
    visitor = visit()
    page = visitor.page
    visitor.tab("Caption")
    page.locator("#caption-file input[type=file]").set_input_files(tone)
    page.locator("#caption-run").click()
    expect(page.locator("#caption-answer .mm-seek")).to_have_count(3)
    expect(page.locator("#caption-answer .mm-badge")).to_be_visible()
    page.wait_for_function(
        "() => { const t = document.querySelector('#caption-answer video').textTracks[0];"
        "return t && t.mode === 'showing' && t.cues && t.cues.length > 0 }"
    )
    page.locator("#caption-answer .mm-seek").nth(1).click()
    page.wait_for_function("() => document.querySelector('#caption-answer video').currentTime >= 2.9")
    for name in ("srt", "vtt", "txt", "json"):
        with page.expect_download() as download:
            page.locator(f"#download-{name}").click()
        assert download.value.suggested_filename == f"tone.{name}"
        assert "level" in download.value.path().read_text("utf-8")


def test_a_text_file_is_refused_where_the_result_would_be(visit, tmp_path):
    notes = tmp_path / "notes.mp3"
    notes.write_text("not a sound")
    visitor = visit()
    visitor.tab("Caption")
    visitor.page.locator("#caption-file input[type=file]").set_input_files(notes)
    visitor.page.locator("#caption-run").click()
    expect(visitor.page.locator("#caption-stage [role=alert]")).to_contain_text("notes.mp3")


# -- chat


def ask(visitor, question: str) -> None:
    visitor.tab("Chat")
    box = visitor.page.locator("#chat-box textarea")
    box.fill(question)
    box.press("Enter")


def answer(page):
    return page.locator("#chatbot .bot.message").last


def test_an_answer_streams_and_says_what_the_model_was_given(visit):
    visitor = visit()
    ask(visitor, "What is a parrot?")
    expect(answer(visitor.page)).to_contain_text("You said")
    expect(visitor.page.locator("#chatbot")).to_contain_text("tokens/s · what it was given")
    assert ended()


def test_stop_ends_the_answer_on_the_page_and_in_the_engine(visit):
    visitor = visit()
    page = visitor.page
    ask(visitor, LONG_QUESTION)
    expect(page.locator("#chatbot")).to_contain_text("said: a b c d e")
    assert fake.running == 1
    page.locator("#chat-box button.stop-button").click()
    assert ended()
    expect(page.locator("#chatbot")).to_contain_text("Stopped")
    before = page.locator("#chatbot").inner_text()
    time.sleep(1)
    assert page.locator("#chatbot").inner_text() == before
    ask(visitor, "And now?")
    expect(answer(page)).to_contain_text("And now?")


def test_closing_the_page_while_it_streams_ends_the_engine_too(visit):
    visitor = visit()
    ask(visitor, LONG_QUESTION)
    expect(visitor.page.locator("#chatbot")).to_contain_text("said: a b c d e")
    assert fake.running == 1
    visitor.leave()
    assert ended()
    visitor.open()
    ask(visitor, "Still there?")
    expect(answer(visitor.page)).to_contain_text("Still there?")


def test_a_question_can_be_asked_again_and_a_new_chat_begun(visit):
    visitor = visit()
    page = visitor.page
    ask(visitor, "One two three")
    expect(page.locator("#chatbot")).to_contain_text("what it was given")
    page.get_by_label("Retry").first.click()
    expect(page.locator("#chatbot .user.message")).to_have_count(1)
    expect(page.locator("#chatbot")).to_contain_text("what it was given")
    page.get_by_role("button", name="New chat").click()
    expect(page.locator("#chatbot")).to_contain_text("Ask about a picture, a sound or a video")


def test_a_picture_named_in_an_answer_is_not_fetched_from_elsewhere(visit):
    visitor = visit()
    ask(visitor, "![x](https://example.com/spy.png)")
    expect(visitor.page.locator("#chatbot")).to_contain_text("what it was given")
    visitor.page.wait_for_timeout(500)
    blocked = [error for error in visitor.errors if "Content Security Policy" in error]
    visitor.errors[:] = [error for error in visitor.errors if error not in blocked]
    assert visitor.page.evaluate("[...document.images].every(i => !i.src.includes('example.com') || !i.naturalWidth)")
    visitor.elsewhere[:] = [url for url in visitor.elsewhere if "example.com" not in url or not blocked]


# -- languages and looks


def test_the_page_follows_the_browsers_language(visit):
    page = visit(locale="zh-CN").page
    expect(page.locator("#classify-run")).to_have_text("运行")
    expect(page.locator("#classify-answer")).to_contain_text("这里会显示")
    expect(page.locator(".mm-strip")).to_contain_text("模式")


def test_the_switch_changes_the_page_and_the_result_and_keeps_what_was_typed(visit):
    visitor = visit()
    page = visitor.page
    page.get_by_role("button", name="An animal: what is it?").click()
    expect(page.locator("#classify-answer .mm-badge")).to_be_visible()
    expect(page.locator("#classify-run")).to_be_visible()
    page.locator("#classify-text :is(textarea, input)").fill("typed by hand")
    page.locator("#language").get_by_text("中文").click()
    expect(page.locator("#classify-run")).to_have_text("运行")
    expect(page.locator("#classify-answer .mm-evidence")).to_contain_text("认出")
    expect(page.locator("#classify-examples")).to_contain_text("一只动物")
    expect(page.locator("#classify-text :is(textarea, input)")).to_have_value("typed by hand")
    assert page.evaluate("document.documentElement.lang").startswith("zh")
    visitor.open()  # the choice is kept
    expect(page.locator("#classify-run")).to_have_text("运行")
    page.locator("#language").get_by_text("EN").click()
    expect(page.locator("#classify-run")).to_have_text("Run")


def test_gradios_own_words_follow_the_switch_too(visit):
    visitor = visit()
    visitor.tab("Caption")
    expect(visitor.page.locator("#caption-file")).to_contain_text("Drop File Here")
    visitor.page.locator("#language").get_by_text("中文").click()
    expect(visitor.page.locator("#caption-file")).to_contain_text("音频或视频")
    expect(visitor.page.locator("#caption-file")).not_to_contain_text("Drop File Here")


def test_a_switch_of_language_keeps_the_uploaded_clip(visit, tone):
    visitor = visit()
    page = visitor.page
    visitor.tab("Caption")
    page.locator("#caption-file input[type=file]").set_input_files(tone)
    expect(page.locator("#caption-file")).to_contain_text("tone")
    page.locator("#language").get_by_text("中文").click()
    expect(page.locator("#caption-run")).to_have_text("运行")
    page.wait_for_timeout(500)
    page.locator("#caption-run").click()
    expect(page.locator("#caption-answer .mm-seek")).to_have_count(3)
    expect(page.locator("#caption-answer")).to_contain_text("时长")


@pytest.mark.parametrize("name", ["Classify", "Caption", "Chat"])
def test_a_phone_needs_no_sideways_scroll(visit, name):
    visitor = visit(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = visitor.page
    visitor.tab(name)
    page.locator(f"#{name.lower()}-examples button").first.click()
    expect(page.locator(".mm-badge, #chatbot .bot.message").last).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    cut = page.evaluate(
        "[...document.querySelectorAll('#language label, .mm-run button:not([hidden]), h1')]"
        ".filter(e => e.offsetParent && e.getBoundingClientRect().right > innerWidth).length"
    )
    assert cut == 0


CONTRAST = """(selector) => {
  const parse = (c) => { const m = c.match(/[\\d.]+/g).map(Number); return m.length < 4 ? [...m, 1] : m; };
  const linear = (v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const colour = parse(getComputedStyle(e).backgroundColor);
      if (colour[3] > 0.9) return colour;
    }
    return [255, 255, 255, 1];
  };
  return [...document.querySelectorAll(selector)].filter(e => e.offsetParent).map(e => {
    const a = light(parse(getComputedStyle(e).color)), b = light(behind(e));
    return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), e.className + ": " + e.textContent.trim().slice(0, 40)];
  });
}"""
TEXTS = (
    "#classify-run, .mm-lead, .mm-name, .mm-value, .mm-badge, .mm-evidence dt, .mm-strip span, #tabs button[role=tab]"
)
TEXTS += ", .mm-purpose p, .mm-purpose, .mm-chips button, .mm-quiet, [data-testid=block-info], .mm-example span"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_enough_contrast(visit, scheme):
    page = visit(color_scheme=scheme).page
    page.get_by_role("button", name="An animal: what is it?").click()
    expect(page.locator("#classify-answer .mm-badge")).to_be_visible()
    expect(page.locator("#classify-run")).to_be_visible()
    page.wait_for_timeout(500)  # colours fade
    measured = page.evaluate(CONTRAST, TEXTS)
    assert len(measured) > 20
    assert [text for ratio, text in measured if ratio < 4.5] == []
    dark = page.evaluate("document.body.classList.contains('dark')")
    assert dark == (scheme == "dark")


@pytest.fixture
def photo(tmp_path):
    from PIL import Image

    path = tmp_path / "photo.png"
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (120, 160, 3), np.uint8)).save(path)
    return path
