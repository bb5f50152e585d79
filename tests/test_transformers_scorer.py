"""Images against labels on tiny random checkpoints of the real classes."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from tiny_rows import SCORERS, made, opened, picture

from mmcore.errors import ModelError

pytestmark = pytest.mark.tiny

LABELS = ["a red bird", "a green house", "一张红色的鸟的照片"]


@pytest.fixture(scope="module", params=SCORERS)
def checkpoint(request, tmp_path_factory):
    return made(SCORERS[request.param], tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return made(SCORERS["clip"], tmp_path_factory.mktemp("clip"))


def scorer_of(folder, precision="fp32", **options):
    return opened("image-text", "transformers_scorer", folder, precision, **options)


def library_logits(folder, images, labels):
    """What the model's own forward pass says, one image and all labels at a time."""
    import torch
    from transformers import AutoModel, AutoProcessor

    model, processor = AutoModel.from_pretrained(folder).eval(), AutoProcessor.from_pretrained(folder)
    siglip = model.config.model_type.startswith("siglip")
    padding = {"padding": "max_length", "max_length": 64} if siglip else {"padding": True}
    text = processor.tokenizer(labels, return_tensors="pt", **padding)
    rows = []
    for image in images:
        pixels = processor(images=[Image.fromarray(image)], return_tensors="pt")
        with torch.no_grad():
            rows.append(model(**text, **pixels).logits_per_image[0].numpy())
    return np.stack(rows), "sigmoid" if siglip else "softmax"


def test_logits_are_those_of_the_library_whatever_the_batch(checkpoint):
    images = [picture(seed) for seed in range(5)]
    expected, activation = library_logits(checkpoint, images, LABELS)
    scorer = scorer_of(checkpoint, batch=2)
    assert scorer.activation == activation
    scores = scorer.score(images, LABELS)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, expected, atol=2e-3)
    assert np.ptp(scores, axis=0).min() > 1e-3, "the image makes a difference"
    scorer.close()


@pytest.mark.parametrize(("precision", "likeness"), [("bf16", 0.99), ("int8", 0.95), ("nf4", 0.6)])
def test_coarser_precisions_stay_near_the_full_one(checkpoint, precision, likeness):
    images = [picture(seed) for seed in range(6)]
    full, coarse = scorer_of(checkpoint), scorer_of(checkpoint, precision)
    wanted, got = full.score(images, LABELS).ravel(), coarse.score(images, LABELS).ravel()
    assert likeness < np.corrcoef(wanted, got)[0, 1] < 1 - 1e-9, "near, and not the same: it is coarser"
    for scorer in (full, coarse):
        scorer.close()


def test_a_label_is_embedded_once(clip, monkeypatch):
    scorer = scorer_of(clip)
    read = []
    inner = scorer._read
    monkeypatch.setattr(scorer, "_read", lambda texts: read.extend(texts) or inner(texts))
    first = scorer.score([picture()], LABELS)
    again = scorer.score([picture()], [*reversed(LABELS), "a boat", "a boat"])
    assert read == [*LABELS, "a boat"]
    np.testing.assert_allclose(again[0, :3], first[0, ::-1], atol=1e-5)
    assert again[0, 3] == pytest.approx(again[0, 4], abs=1e-5)


def test_only_so_many_labels_are_kept(clip, monkeypatch):
    monkeypatch.setattr("mmcore.backends.transformers_scorer.KEPT", 3)
    scorer = scorer_of(clip)
    many = [f"bird {number}" for number in range(10)]
    assert scorer.score([picture()], many).shape == (1, 10)
    assert len(scorer._kept) == 3


def test_pictures_of_any_shape_and_mode_are_taken(clip):
    scorer = scorer_of(clip)
    grey = Image.fromarray(picture()).convert("L")
    odd = [picture(1, 200, 30), Image.fromarray(picture(2, 1, 1)), grey, grey.convert("RGBA")]
    assert np.isfinite(scorer.score(odd, LABELS)).all()
    assert scorer.score([], LABELS).shape == (0, 3)


def test_without_memory_for_a_batch_it_is_halved_and_the_scores_are_the_same(clip, monkeypatch):
    import torch

    scorer = scorer_of(clip, batch=8)
    images = [picture(seed) for seed in range(7)]
    wanted, inner, sizes = scorer.score(images, LABELS), scorer._see, []

    def small_device(batch):
        sizes.append(len(batch))
        if len(batch) > 2:
            raise torch.OutOfMemoryError("simulated")
        return inner(batch)

    monkeypatch.setattr(scorer, "_see", small_device)
    np.testing.assert_allclose(scorer.score(images, LABELS), wanted, atol=1e-4)
    assert max(sizes) == 7
    monkeypatch.setattr(scorer, "_see", lambda batch: (_ for _ in ()).throw(torch.OutOfMemoryError("simulated")))
    with pytest.raises(ModelError) as refusal:
        scorer.score(images, LABELS)
    assert refusal.value.code == "out_of_memory"
    monkeypatch.setattr(scorer, "_see", inner)
    np.testing.assert_allclose(scorer.score(images, LABELS), wanted, atol=1e-4)
