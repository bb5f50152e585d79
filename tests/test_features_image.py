"""What the classifier is given."""

import numpy as np
import pytest
from PIL import Image

from mmcore.features.image import imagenet_input


def stripes(width: int, height: int) -> Image.Image:
    """Red left third, green middle, blue right."""
    pixels = np.zeros((height, width, 3), np.uint8)
    for third in range(3):
        pixels[:, third * width // 3 : (third + 1) * width // 3, third] = 255
    return Image.fromarray(pixels)


@pytest.mark.parametrize("size", [(640, 480), (50, 70), (3000, 200), (200, 3000), (1, 1), (224, 224)])
def test_every_size_becomes_one_square_of_floats(size):
    array = imagenet_input([Image.new("RGB", size, (255, 0, 127))])
    assert array.shape == (1, 3, 224, 224)
    assert array.dtype == np.float32
    assert array[0, :, 0, 0] == pytest.approx([1.0, -1.0, 127 / 127.5 - 1])


def test_images_keep_their_order():
    array = imagenet_input([Image.new("RGB", (300, 300), colour) for colour in ("red", "blue")])
    assert array[:, :, 100, 100].tolist() == [[1, -1, -1], [-1, -1, 1]]


def test_the_centre_is_kept_and_the_sides_are_cut():
    array = imagenet_input([stripes(900, 300)])
    assert (array[0, 1] > 0.9).all()
    assert (array[0, 0] < -0.9).all()


def test_it_is_the_evaluation_transform_of_the_published_model():
    """Short side to 256 with bicubic filtering, then the central 224."""
    noise = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    image = Image.fromarray(noise).resize((640, 512), Image.Resampling.BICUBIC)
    whole = np.asarray(image.resize((320, 256), Image.Resampling.BICUBIC), np.float32)
    expected = whole[16:240, 48:272].transpose(2, 0, 1) / 127.5 - 1
    assert np.abs(imagenet_input([image])[0] - expected).mean() < 0.02
