"""Image files to upright 8-bit RGB pictures."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from ..errors import InputError
from ..settings import Limits
from .source import check_pixels, opened_file

#: Formats that say their size in the header and run no other program (EPS would start Ghostscript).
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "PPM")
MOVING = frozenset({"GIF", "WEBP", "PNG", "AVIF"})  # the formats of FORMATS that can be animations

HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1"})


def load(path: str | os.PathLike, limits: Limits, max_side: int | None = None) -> Image.Image:
    """The picture in ``path``: RGB, upright by its EXIF, transparency on white, the first frame of an animation.

    ``max_side`` (pixels) makes it no larger than that, and a JPEG is then decoded at reduced size. Raises
    InputError; size in bytes and pixels are checked before anything is decoded.
    """
    with opened_picture(path, limits) as picture, decoding(path):
        if max_side:
            _draft(picture, max_side)
        picture.load()
        return _shrunk(_upright(rgb(picture), picture), max_side)


@contextmanager
def opened_picture(path: str | os.PathLike, limits: Limits) -> Iterator[Image.Image]:
    """The picture with its header read and nothing decoded. Raises InputError."""
    name = Path(path).name
    with opened_file(path, limits) as file:
        picture = identified(file, name)
        if picture is None:
            raise InputError("not_an_image", name=name)
        check_pixels(*picture.size, name, limits)
        yield picture


def identified(file, name: str) -> Image.Image | None:
    """The header of an image, or None when the file is none. Raises InputError when the header is damaged.

    ``Image.open`` does the same, but warns of or refuses large pictures by a limit of its own, which is the same
    for the whole process.
    """
    from PIL import AvifImagePlugin, TiffImagePlugin, WebPImagePlugin  # noqa: F401 - the others come with preinit

    Image.preinit()
    file.seek(0)
    prefix = file.read(16)
    for form in FORMATS:
        factory, accept = Image.OPEN.get(form, (None, None))
        if factory and accept(prefix) is True:
            file.seek(0)
            with decoding(name):
                return factory(file, "")
    return None


def is_image(path: str | os.PathLike, limits: Limits) -> bool:
    """Whether the file is an image by its first bytes; whether it can be read, ``load`` says."""
    with opened_file(path, limits) as file:
        head = file.read(12)
        if head[4:8] == b"ftyp" and head[8:12] in HEIF_BRANDS:
            return True
        return identified(file, Path(path).name) is not None


@contextmanager
def decoding(path: str | os.PathLike) -> Iterator[None]:
    """Whatever Pillow raises on a damaged file comes out as ``broken_media``."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # its decoders raise a dozen types on hostile bytes
        raise InputError("broken_media", name=Path(path).name) from error


def _draft(picture: Image.Image, max_side: int) -> None:
    scale = max_side / max(picture.size)
    if scale < 1:
        picture.draft(picture.mode, tuple(max(1, round(side * scale)) for side in picture.size))


def _shrunk(picture: Image.Image, max_side: int | None) -> Image.Image:
    if max_side and max(picture.size) > max_side:
        picture.thumbnail((max_side, max_side), Image.Resampling.BICUBIC, reducing_gap=3.0)
    return picture


def _upright(pixels: Image.Image, source: Image.Image) -> Image.Image:
    """``pixels`` turned as the EXIF of ``source`` says; a damaged EXIF turns nothing."""
    try:
        orientation = source.getexif().get(0x0112, 1)
        exif = Image.Exif()
        exif[0x0112] = orientation
        pixels.info["exif"] = exif.tobytes()
        upright = ImageOps.exif_transpose(pixels)
    except Exception:
        upright = pixels
    upright.info.clear()
    return upright


def rgb(picture: Image.Image) -> Image.Image:
    """A decoded picture of any mode -> RGB."""
    if picture.mode in ("I", "F") or picture.mode.startswith("I;"):
        picture = Image.fromarray(eight_bits(np.asarray(picture)))
    elif picture.mode == "LAB":
        from PIL import ImageCms

        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        picture = ImageCms.profileToProfile(picture, lab, srgb, outputMode="RGB")
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    over = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", over.size, "white"), over).convert("RGB")


def eight_bits(levels: np.ndarray) -> np.ndarray:
    """Grey levels (H, W) of more than 8 bits -> (H, W) uint8.

    16 bits are divided by 257; floats in [0, 1] are multiplied by 255; of other ranges the darkest level
    becomes 0 and the brightest 255.
    """
    if levels.dtype == np.uint16:
        return ((levels.astype(np.uint32) + 128) // 257).astype(np.uint8)
    levels = np.nan_to_num(levels.astype(np.float64), posinf=0.0, neginf=0.0)
    low, high = _range(levels)
    return np.rint((levels - low) * (255.0 / (high - low))).clip(0, 255).astype(np.uint8)


def _range(levels: np.ndarray) -> tuple[float, float]:
    """The levels shown black and white: a usual range that holds them all, or else their own."""
    low, high = float(levels.min()), float(levels.max())
    whole = bool((levels == np.rint(levels)).all())
    usual = (255.0, 65535.0) if whole and high > 1 else (1.0,)
    if low >= 0:
        for top in usual:
            if high <= top:
                return 0.0, top
    return (low, high) if high > low else (low, low + 1.0)
