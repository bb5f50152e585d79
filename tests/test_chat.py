"""Chat: streaming, stopping, limits; on real weights, that it answers and that many are served at once."""

from __future__ import annotations

import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image

from demo import chatview
from mmcore import InputError, Message, ModelError, Progress, Reply, Sampling, records
from mmcore.backends import fake
from mmcore.types import Delta, Usage


def ask(text: str, *files) -> tuple[Message, ...]:
    return (Message("user", text, tuple(str(file) for file in files)),)


def replies(stream) -> list[Reply]:
    return [update for update in stream if isinstance(update, Reply)]


def test_an_answer_streams_and_ends_with_its_counts(studio):
    seen = replies(studio.stream_chat(ask("tell me about blue whales"), sampling=Sampling(max_tokens=8)))
    assert all(later.text.startswith(earlier.text) for earlier, later in itertools.pairwise(seen))
    assert [reply.done for reply in seen].count(True) == 1 and seen[-1].done
    assert seen[-1].completion_tokens == 8 and seen[-1].tokens_per_s > 0
    assert "blue whales" in seen[-1].text
    assert seen[-1].model == "fake-chat"


def test_an_answer_to_what_was_made_smaller_says_so(studio, monkeypatch):
    def stream(self, messages, sampling):
        yield Delta("Seen.", Usage(3, 1, 0.1, 9.0, ("smaller_input",)))

    monkeypatch.setattr(fake.FakeChat, "stream", stream)
    reply = studio.chat("what is it?")
    assert reply.flags == ("smaller_input",) and records.reply(reply)["flags"] == ["smaller_input"]
    titles = {language: chatview.given(reply, {}, language)["metadata"]["title"] for language in ("en", "zh")}
    assert titles["en"].endswith("· made smaller to fit") and titles["zh"].endswith("· 缩小后才放得下")


def test_a_plain_string_is_one_question(studio):
    assert "green" in studio.chat("is grass green", sampling=Sampling(max_tokens=8)).text


def test_stopping_ends_the_stream_and_lets_the_model_go(studio):
    stream = studio.stream_chat(ask("count to a thousand"), sampling=Sampling(max_tokens=500))
    next(update for update in stream if isinstance(update, Reply) and update.text)
    assert fake.running == 1
    stream.close()
    assert fake.running == 0
    assert [loaded.in_use for loaded in studio.status().loaded] == [0] * len(studio.status().loaded)


def test_what_was_seen_in_a_picture_is_in_the_prompt(studio, tmp_path):
    path = tmp_path / "stripes.png"
    picture = Image.new("RGB", (120, 80), "red")
    picture.paste("white", (0, 0, 60, 80))
    picture.save(path)
    reply = studio.chat(ask("what is it?", path), sampling=Sampling(max_tokens=4))
    assert reply.saw[0].file == "stripes.png"
    assert reply.saw[0].text_read[0].text == "120 x 80"
    assert any("120 x 80" in message.text for message in reply.prompt)


def test_a_picture_is_looked_at_once_in_a_conversation(studio, tmp_path):
    path = tmp_path / "grey.png"
    Image.new("RGB", (64, 64), "grey").save(path)
    first = studio.chat(ask("what is it?", path), sampling=Sampling(max_tokens=2))
    history = (*ask("what is it?", path), Message("assistant", first.text), *ask("is it dark?"))
    updates = list(studio.stream_chat(history, sampling=Sampling(max_tokens=2)))
    stages = {update.stage for update in updates if isinstance(update, Progress)}
    assert "look" not in stages and "read" not in stages
    assert "grey.png" in "".join(message.text for message in updates[-1].prompt)


@pytest.mark.parametrize(
    ("messages", "sentence"),
    [
        ((), "Write a question"),
        (ask("   "), "Write a question"),
        (ask("x" * 100_000), r"100,000 characters; the limit is 20,000"),
        (ask("look", *[f"{n}.png" for n in range(20)]), "20 files in one message; the limit is 8"),
    ],
    ids=["nothing", "blanks", "too long", "too many files"],
)
def test_bad_input_gets_one_sentence(studio, messages, sentence):
    with pytest.raises(InputError, match=sentence):
        studio.chat(messages)


@pytest.mark.parametrize("wrong", [{"max_tokens": 0}, {"temperature": -1.0}, {"temperature": 9.0}, {"top_p": 2.0}])
def test_a_sampling_option_out_of_range_is_refused_by_name(studio, wrong):
    with pytest.raises(InputError, match=f"{next(iter(wrong))} must be from"):
        studio.chat("hello", sampling=Sampling(**wrong))


def test_a_model_of_another_task_is_refused(studio):
    with pytest.raises(ModelError, match="fake-speech is for speech, not chat"):
        studio.chat("hello", model="fake-speech")


# -- real weights


@pytest.mark.weights
def test_the_same_seed_gives_the_same_answer_and_counts_are_right(real_studio):
    sampling = Sampling(max_tokens=24, temperature=0.8, seed=7)
    one = real_studio.chat("Name a fruit.", sampling=sampling)
    two = real_studio.chat("Name a fruit.", sampling=sampling)
    assert one.text == two.text and one.text.strip()
    assert 0 < one.completion_tokens <= 24 and one.prompt_tokens > 5
    assert one.model == "qwen2.5-0.5b"


@pytest.mark.weights
@pytest.mark.timeout(80)
def test_a_stop_ends_generation_in_the_runtime(real_studio):
    real_studio.chat("Hi", sampling=Sampling(max_tokens=1))
    threads = threading.active_count()
    stream = real_studio.stream_chat(ask("Write a long story."), sampling=Sampling(max_tokens=4000))
    next(update for update in stream if isinstance(update, Reply) and len(update.text) > 10)
    stream.close()
    assert threading.active_count() == threads
    assert real_studio.status().loaded[-1].in_use == 0
    with real_studio.store.use(real_studio.kit.spec("chat")) as chat:
        while chat.running():  # a runtime that goes on to 4,000 tokens runs into the test's time limit
            time.sleep(0.01)


@pytest.mark.weights
def test_a_stop_is_heard_while_a_long_prompt_is_read(real_studio):
    stream = real_studio.stream_chat(ask("one two three four " * 1000))
    for update in stream:
        if isinstance(update, Progress) and update.stage == "think" and update.done:
            break
    assert update.done < update.total / 2
    stream.close()
    assert real_studio.chat("Say yes.", sampling=Sampling(max_tokens=4)).done


@pytest.mark.weights
def test_a_conversation_longer_than_the_context_is_refused_with_both_numbers(real_studio):
    turns = tuple(Message(role, "word and " * 2200) for role in ("user", "assistant") * 2)
    with pytest.raises(InputError, match=r"has [\d,]+ tokens; .* holds 8,192"):
        real_studio.chat((*turns, Message("user", "go on")))
    assert real_studio.chat("Say yes.", sampling=Sampling(max_tokens=4)).done


@pytest.mark.weights
def test_four_visitors_are_answered_at_once(real_studio):
    questions = [f"What is {n} plus {n}?" for n in range(2, 6)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda q: real_studio.chat(q, sampling=Sampling(max_tokens=24)), questions))
    assert all(answer.text.strip() for answer in answers)
