"""A Whisper of the hub is fetched, converted once, and kept without what it was made from."""

from __future__ import annotations

from dataclasses import replace

import pytest
import tiny_models
from hub_stand_in import HubStandIn
from test_hub import plain_environment, use_hub  # noqa: F401 - a fixture for all

from mmcore import catalog, weights
from mmcore.backends import open_model
from mmcore.errors import Stopped, WeightsError
from mmcore.types import HubSource, Plan
from mmcore.weights import hub

pytestmark = [pytest.mark.tiny, pytest.mark.transfer]

SPEC = replace(catalog.find("whisper-small"), name="tiny", title="Tiny", hub=HubSource("maker/whisper"))
MADE = {"config.json", "model.bin", "preprocessor_config.json", "tokenizer.json", "vocabulary.json"}


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    return tiny_models.whisper(tmp_path_factory.mktemp("whisper"), positions=448)


@pytest.fixture
def served(published, monkeypatch):
    with HubStandIn() as stand_in:
        use_hub(monkeypatch, stand_in.address)
        stand_in.publish(SPEC.hub.repo, published)
        yield stand_in


def kept(cache) -> set[str]:
    folder = cache / "models" / SPEC.name
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_it_is_fetched_converted_and_opened_and_the_hub_is_not_asked_again(served, tmp_path):
    steps = []
    folder = weights.fetch(SPEC, tmp_path, lambda step: steps.append(step.stage))
    assert kept(tmp_path) == MADE | {".complete.json"}, "the source is gone"
    assert "convert" in steps and weights.is_ready(SPEC, tmp_path) and weights.missing_bytes(SPEC, tmp_path) == 0
    assert hub.commit(folder) == served.repositories[SPEC.hub.repo].at("main")
    open_model(SPEC, folder, Plan("cpu", "int8", "")).close()
    asked = len(served.requests)
    assert weights.fetch(SPEC, tmp_path) == folder and len(served.requests) == asked
    assert not weights.is_ready(replace(SPEC, hub=replace(SPEC.hub, revision="v2")), tmp_path)
    (folder / "vocabulary.json").unlink()
    assert not weights.is_ready(SPEC, tmp_path)
    weights.fetch(SPEC, tmp_path)
    assert kept(tmp_path) == MADE | {".complete.json"}


def test_a_conversion_that_fails_leaves_nothing_of_it_and_needs_no_second_download(served, tmp_path):
    wrong = replace(SPEC, convert="minilm")
    with pytest.raises(WeightsError) as refused:
        weights.fetch(wrong, tmp_path)
    assert refused.value.code == "convert_failed"
    assert {name for name in kept(tmp_path) if not name.startswith(".source/")} == set()
    assert not weights.is_ready(wrong, tmp_path) and not weights.is_ready(SPEC, tmp_path)
    asked = len(served.requests)
    weights.fetch(SPEC, tmp_path)
    assert weights.is_ready(SPEC, tmp_path) and len(served.requests) == asked


def test_a_stop_leaves_nothing_of_the_conversion_and_it_can_be_tried_again(served, tmp_path):
    def stop(step):
        if step.stage == "convert":
            raise Stopped

    with pytest.raises(Stopped):
        weights.fetch(SPEC, tmp_path, stop)
    assert not kept(tmp_path) & MADE and not weights.is_ready(SPEC, tmp_path)
    weights.fetch(SPEC, tmp_path)
    assert weights.is_ready(SPEC, tmp_path)
