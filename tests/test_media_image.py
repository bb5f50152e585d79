"""Pictures of every mode come out as upright 8-bit RGB, and what cannot be read is refused in a sentence."""

from __future__ import annotations

import io
import os
import tracemalloc
import warnings

import numpy as np
import pytest
from PIL import Image

from mmcore.errors import InputError
from mmcore.media import image
from mmcore.settings import Limits

LIMITS = Limits()
RAMP = np.linspace(0, 1, 256).reshape(16, 16)


def refused(path, limits=LIMITS) -> InputError:
    with pytest.raises(InputError) as caught:
        image.load(path, limits)
    assert str(path.parent) not in str(caught.value)
    assert caught.value.values["name"] == path.name
    return caught.value


def saved(tmp_path, picture: Image.Image, name: str, **options):
    path = tmp_path / name
    picture.save(path, **options)
    return path


def ramp_image(mode: str) -> Image.Image:
    grey = Image.fromarray(np.rint(RAMP * 255).astype(np.uint8))
    return grey.convert(mode)


@pytest.mark.parametrize(
    ("mode", "name"),
    [
        ("RGB", "a.png"),
        ("RGB", "a.bmp"),
        ("RGB", "a.tiff"),
        ("RGB", "a.ppm"),
        ("L", "a.png"),
        ("L", "a.gif"),
        ("P", "a.png"),
        ("LA", "a.png"),
        ("RGBA", "a.png"),
        ("RGBA", "a.webp"),
        ("CMYK", "a.tiff"),
        ("I", "a.tiff"),
    ],
)
def test_every_lossless_mode_keeps_its_pixels(tmp_path, mode, name):
    options = {"lossless": True} if name.endswith("webp") else {}
    loaded = image.load(saved(tmp_path, ramp_image(mode), name, **options), LIMITS)
    assert loaded.mode == "RGB"
    wanted = np.asarray(ramp_image(mode).convert("RGB"), int)
    assert np.abs(np.asarray(loaded, int) - wanted).max() <= 1


@pytest.mark.parametrize("name", ["a.jpg", "a.webp", "a.avif"])
def test_lossy_formats_are_read(tmp_path, name):
    path = saved(tmp_path, ramp_image("RGB").resize((64, 64)), name, quality=95)
    assert image.load(path, LIMITS).getpixel((63, 63))[0] > 230


def test_one_bit_pictures_are_black_and_white(tmp_path):
    path = saved(tmp_path, Image.fromarray(RAMP > 0.5), "bits.png")
    assert set(np.unique(np.asarray(image.load(path, LIMITS)))) == {0, 255}


@pytest.mark.parametrize(
    ("kind", "scale"),
    [(np.uint16, 65535), (np.int32, 255), (np.int32, 65535), (np.int32, 3e6), (np.float32, 1), (np.float32, 3e6)],
)
def test_deep_greys_are_scaled_not_clipped(tmp_path, kind, scale):
    path = saved(tmp_path, Image.fromarray((RAMP * scale).astype(kind)), "deep.tiff")
    grey = np.asarray(image.load(path, LIMITS), int)[:, :, 0]
    assert np.abs(grey - RAMP * 255).max() <= 1.5


def test_a_16_bit_png_is_scaled(tmp_path):
    path = saved(tmp_path, Image.fromarray((RAMP * 65535).astype(np.uint16)), "deep.png")
    assert np.abs(np.asarray(image.load(path, LIMITS), int)[:, :, 1] - RAMP * 255).max() <= 1


def test_floats_that_are_not_numbers_do_not_spoil_the_others(tmp_path):
    levels = RAMP.astype(np.float32).copy()
    levels[0, :3] = np.nan, np.inf, -np.inf
    grey = np.asarray(image.load(saved(tmp_path, Image.fromarray(levels), "nan.tiff"), LIMITS), int)[:, :, 0]
    assert np.abs(grey[1:] - RAMP[1:] * 255).max() <= 1


def test_signed_levels_and_a_flat_picture_work():
    assert image.eight_bits(np.array([[-100, 0, 100]], np.int32)).tolist() in ([[0, 127, 255]], [[0, 128, 255]])
    assert image.eight_bits(np.full((2, 2), 7e9)).tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_what_is_transparent_becomes_white(tmp_path, mode):
    path = saved(tmp_path, Image.new("RGBA", (4, 4), (0, 0, 0, 0)).convert(mode), "clear.png")
    assert image.load(path, LIMITS).getpixel((1, 1)) == (255, 255, 255)


def test_lab_colours_become_rgb(tmp_path):
    path = saved(tmp_path, Image.new("LAB", (4, 4), (255, 128, 128)), "lab.tiff")
    assert min(image.load(path, LIMITS).getpixel((0, 0))) > 250


def test_half_transparent_is_half_white_and_a_transparent_colour_is_white(tmp_path):
    half = saved(tmp_path, Image.new("RGBA", (2, 2), (0, 0, 0, 128)), "half.png")
    assert image.load(half, LIMITS).getpixel((0, 0)) == (127, 127, 127)
    keyed = Image.new("P", (2, 2), 3)
    path = saved(tmp_path, keyed, "keyed.gif", transparency=3)
    assert image.load(path, LIMITS).getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize("name", ["turned.jpg", "turned.png", "turned.webp", "turned.tiff"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_the_picture_upright(tmp_path, name, orientation):
    upright = Image.new("RGB", (48, 32), "blue")
    upright.paste("red", (0, 0, 24, 16))  # the top left quarter
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Image.Transpose that undoes what each value asks for
    stored = upright if orientation == 1 else upright.transpose(Image.Transpose(back[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    loaded = image.load(saved(tmp_path, stored, name, exif=exif), LIMITS)
    assert loaded.size == (48, 32)
    assert loaded.getpixel((8, 6))[0] > 200 > 60 > loaded.getpixel((40, 6))[0]
    assert loaded.getpixel((8, 28))[0] < 60
    assert not loaded.getexif()


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_a_damaged_exif_turns_nothing(tmp_path):
    path = saved(tmp_path, ramp_image("RGB"), "odd.jpg", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\x01")
    assert image.load(path, LIMITS).size == (16, 16)


@pytest.mark.parametrize("name", ["moving.gif", "moving.webp", "moving.png"])
def test_an_animation_gives_its_first_frame(tmp_path, name):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "lime", "blue")]
    path = saved(tmp_path, frames[0], name, save_all=True, append_images=frames[1:], duration=100)
    assert image.load(path, LIMITS).getpixel((4, 4))[0] > 250


def test_a_large_jpeg_is_decoded_small(tmp_path):
    path = saved(tmp_path, Image.linear_gradient("L").resize((3000, 2000)).convert("RGB"), "large.jpg")
    loaded = image.load(path, LIMITS, max_side=300)
    assert loaded.size == (300, 200)
    assert abs(loaded.getpixel((150, 100))[0] - 127) < 8
    assert image.load(path, LIMITS).size == (3000, 2000)
    assert image.load(path, LIMITS, max_side=5000).size == (3000, 2000)


def test_max_side_holds_for_other_formats_and_turned_pictures(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = saved(tmp_path, Image.new("RGB", (400, 100)), "wide.png", exif=exif)
    assert image.load(path, LIMITS, max_side=200).size == (50, 200)


@pytest.mark.parametrize("name", ["a.txt", "noext", "cat.heic", "cat.jpg.exe"])
def test_the_extension_does_not_matter(tmp_path, name):
    path = tmp_path / name
    ramp_image("RGB").save(path, "PNG")
    assert image.load(path, LIMITS).size == (16, 16)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF"])
@pytest.mark.parametrize("kept", [0.02, 0.5, 0.9])
def test_a_truncated_picture_is_refused(tmp_path, form, kept):
    whole = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(whole, form)
    path = tmp_path / "cut.png"
    path.write_bytes(whole.getvalue()[: int(len(whole.getvalue()) * kept)])
    assert refused(path).code == "broken_media"


@pytest.mark.parametrize(
    "content",
    [
        b"just text",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        b"%PDF-1.4",
        bytes(5000),
        b"<svg></svg>",
        b"x",
    ],
)
def test_what_is_no_picture_is_refused(tmp_path, content):
    path = tmp_path / "cat.png"
    path.write_bytes(content)
    assert refused(path).code == "not_an_image"


def test_files_that_cannot_be_opened_are_refused(tmp_path):
    assert refused(tmp_path / "gone.png").code == "file_missing"
    (tmp_path / "folder.png").mkdir()
    assert refused(tmp_path / "folder.png").code == "file_is_folder"
    (tmp_path / "empty.png").touch()
    assert refused(tmp_path / "empty.png").code == "file_empty"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    assert refused(tmp_path / "pipe.png").code == "not_media"


def test_a_file_over_the_byte_limit_is_refused(tmp_path):
    path = saved(tmp_path, ramp_image("RGB"), "a.png")
    error = refused(path, Limits(file_bytes=path.stat().st_size - 1))
    assert error.code == "file_too_large"


@pytest.mark.parametrize("side", [10_000, 14_000])  # Pillow itself warns of the first and refuses the second
def test_a_hundred_megapixels_are_refused_undecoded_and_without_a_warning(tmp_path, side):
    path = tmp_path / "large.png"
    Image.new("1", (side, side)).save(path, compress_level=1)
    tracemalloc.start()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        error = refused(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert error.code == "too_many_pixels"
    assert error.values["megapixels"] == side * side / 1e6
    assert peak < 10**6


def test_the_pixel_limit_is_the_callers(tmp_path):
    path = saved(tmp_path, ramp_image("RGB"), "a.png")
    assert refused(path, Limits(pixels=255)).code == "too_many_pixels"
    assert image.load(path, Limits(pixels=256)).size == (16, 16)


def test_no_file_stays_open(tmp_path):
    path = saved(tmp_path, ramp_image("RGB"), "a.png")
    (tmp_path / "cut.png").write_bytes(path.read_bytes()[:60])
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        image.load(path, LIMITS)
        refused(tmp_path / "cut.png")
    assert len(os.listdir("/proc/self/fd")) == before
