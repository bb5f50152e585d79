"""The Models tab in a real browser, on the fake backend."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from playwright.sync_api import expect

from mmcore.backends import fake


@pytest.fixture
def open_tab(visit, server):
    """``open_tab(**context)`` opens the Models tab as a new visitor; nothing is in memory then, or afterwards."""
    server[1].unload_all()

    def opened(name: str = "Models", **context):
        visitor = visit(**context)
        visitor.tab(name)
        expect(visitor.page.locator(".mm-model")).to_have_count(1)
        return visitor.page

    yield opened
    server[1].unload_all()


def test_a_model_is_chosen_on_its_card_loaded_seen_in_memory_and_unloaded(open_tab):
    page = open_tab()
    page.locator("#models-task").get_by_label("Speech").check()
    page.get_by_role("button", name="Choose Fake speech").click()
    expect(page.locator("#models-run")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#models-stage")).to_contain_text("Fake speech is in memory")
    meter = page.get_by_role("meter", name="Memory for models")
    expect(meter).to_have_attribute("aria-valuenow", "1000000")
    expect(page.locator("#models-gauges")).to_contain_text("Fake speech, none: 1 MB")
    expect(page.locator("#models-cards .mm-tag-in_memory")).to_be_visible()
    expect(page.locator(".mm-strip")).to_contain_text("1 model in memory")
    page.locator("#models-unload").click()
    expect(page.locator("#models-stage")).to_contain_text("Fake speech was unloaded")
    expect(meter).to_have_attribute("aria-valuenow", "0")
    expect(page.locator("#models-cards .mm-tag-in_memory")).to_have_count(0)


def test_a_loaded_model_is_tried_and_its_card_tells_what_it_took(open_tab):
    page = open_tab()
    page.locator("#models-run").click()
    expect(page.locator("#models-stage")).to_contain_text("Trying Fake chat")
    expect(page.locator("#models-cards .mm-tag-in_memory")).to_be_visible()
    expect(page.locator("#models-stage")).to_contain_text("tokens/s")
    expect(page.locator("#models-cards")).to_contain_text("loaded in")
    expect(page.locator("#models-cards")).to_contain_text("tokens/s")
    page.locator("#language").get_by_text("中文").click()
    expect(page.locator("#models-cards")).to_contain_text("个词元")


def test_stop_while_a_model_is_tried_leaves_it_in_memory(open_tab, server, monkeypatch):
    monkeypatch.setattr(fake, "TOKEN_S", 1.0)
    page = open_tab()
    page.locator("#models-run").click()
    expect(page.locator("#models-stage")).to_contain_text("Trying Fake chat")
    page.locator("#models-stop").click()
    expect(page.locator("#models-stage")).to_contain_text("Fake chat stays in memory")
    expect(page.locator("#models-run")).to_be_visible()
    expect(page.locator("#models-cards .mm-tag-in_memory")).to_be_visible()
    deadline = time.monotonic() + 10
    while fake.running:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    entry = server[1].status().loaded[0]
    assert (entry.name, entry.measured) == ("fake-chat", None)


def test_the_seconds_beside_a_step_are_counted(open_tab):
    seconds = open_tab().evaluate(
        """() => {
          const made = document.createElement("span");
          made.className = "mm-elapsed";
          document.querySelector("#models-stage").append(made);
          const [counting] = made.getAnimations();
          counting.pause();
          counting.currentTime = 5500;
          return getComputedStyle(made).getPropertyValue("--mm-s");
        }"""
    )
    assert int(seconds) in (5, 6)


def test_free_all_empties_the_memory(open_tab, server):
    page = open_tab()
    for name in ("fake-chat", "fake-speech"):
        server[1].load(name)
    page.locator("#models-free").click()
    expect(page.locator("#models-stage")).to_contain_text("2 models were unloaded")
    expect(page.locator(".mm-strip")).to_contain_text("No model in memory")


def test_a_chinese_visitor_reads_the_cards_in_chinese_and_a_switch_redraws_them(open_tab):
    page = open_tab("模型", locale="zh-CN")
    expect(page.locator("#models-cards")).to_contain_text("随软件包安装")
    expect(page.locator("#models-gauges")).to_contain_text("供模型使用的内存")
    page.locator("#language").get_by_text("EN").click()
    expect(page.locator("#models-cards")).to_contain_text("it comes with its package")


def test_a_repository_with_a_wrong_name_gets_a_sentence(open_tab):
    page = open_tab()
    page.get_by_role("button", name="Add a model from a hub").click()
    page.get_by_label("Repository").fill("not a repository")
    page.locator("#add-look").click()
    expect(page.locator("#add-facts [role=alert]")).to_contain_text("owner/name")


def test_a_phone_shows_the_tab_without_scrolling_sideways(open_tab):
    page = open_tab(viewport={"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    expect(page.locator("#models-run")).to_be_visible()


def test_every_control_of_the_tab_has_a_name(open_tab):
    page = open_tab()
    page.get_by_role("button", name="Add a model from a hub").click()
    nameless = page.evaluate(
        """() => [...document.querySelectorAll("#tabs [role=tabpanel] :is(button, input, textarea)")]
          .filter(e => e.offsetParent && !(e.labels?.length || e.innerText?.trim() || e.ariaLabel || e.title
            || e.getAttribute("aria-labelledby")))
          .map(e => e.outerHTML.slice(0, 200))"""
    )
    assert nameless == []


def test_a_model_added_meanwhile_is_offered_when_a_tab_is_opened(open_tab, server, monkeypatch):
    page, studio = open_tab(), server[1]
    (only,) = studio.choices("chat")
    another = replace(only, name="another-chat", title="Another chat")
    monkeypatch.setattr(studio, "choices", lambda task: (only, another))
    page.locator("#tabs").get_by_role("tab", name="Chat", exact=True).click()
    page.locator("#chat-model input").click()
    page.get_by_role("option", name="Another chat").click()
    expect(page.locator("#chat-model input")).to_have_value("Another chat")


def test_the_button_that_loads_stays_in_sight_beside_a_long_list(open_tab):
    page = open_tab()
    page.evaluate("document.querySelector('.mm-models').style.height = '4000px'")
    page.locator(".mm-strip").scroll_into_view_if_needed()
    page.mouse.wheel(0, -800)
    page.wait_for_function("scrollY > 1000")
    expect(page.locator("#models-run")).to_be_in_viewport()
    page.get_by_role("button", name="Add a model from a hub").click()
    page.locator("#add-add").focus()
    expect(page.locator("#add-add")).to_be_in_viewport()
