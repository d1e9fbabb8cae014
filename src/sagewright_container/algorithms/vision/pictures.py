"""Pictures: decoded, brought to size, changed at random, and made arrays. Pillow and numpy."""

from __future__ import annotations

import io
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from sagewright_container.algorithms.errors import ClientError

_MODES = {1: "L", 3: "RGB"}
# ImageNet's, of red, green and blue, and of their mean: what pretrained networks expect too.
_MEAN = {3: (0.485, 0.456, 0.406), 1: (0.449,)}
_DEVIATION = {3: (0.229, 0.224, 0.225), 1: (0.226,)}
_MAX_PIXELS = 1 << 26
SMOOTH = Image.Resampling.BILINEAR


def decode(data: bytes, channels: int = 3) -> Any:
    """A picture of 1 or 3 channels, upright. Raises ClientError."""
    try:
        picture = Image.open(io.BytesIO(data))
        if picture.width * picture.height > _MAX_PIXELS:
            raise ClientError(
                f"The image has {picture.width} x {picture.height} pixels. At most {_MAX_PIXELS} are read: shrink it."
            )
        ImageOps.exif_transpose(picture, in_place=True)
        return picture.convert(_MODES[channels])
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ClientError(
            f"This is no JPEG or PNG image that can be read: {error}. Save it anew, or leave it out."
        ) from error


def mask(data: bytes) -> Any:
    """The values of a mask, one byte for each pixel, height by width. Raises ClientError."""
    try:
        picture = Image.open(io.BytesIO(data))
        picture.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ClientError(f"The mask is no PNG image that can be read: {error}. Save it anew.") from error
    if picture.mode not in ("P", "L", "1", "I", "I;16"):
        raise ClientError(f"The mask has the mode {picture.mode}. It must have one channel: save it in mode P or L.")
    values = np.asarray(picture)
    if values.size and int(values.max()) > 255:
        raise ClientError("A value of the mask is above 255. Write classes as numbers of one byte.")
    return values.astype(np.uint8)


def png(values: Any) -> bytes:
    """A mask as a PNG image of one channel."""
    buffer = io.BytesIO()
    Image.fromarray(values.astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def scaled(picture: Any, *, shortest: int | None = None, longest: int | None = None, how: int | None = None) -> Any:
    """The picture with its shortest or longest side of so many pixels, its proportions kept."""
    factor = longest / max(picture.size) if longest else (shortest or 1) / min(picture.size)
    size = tuple(max(1, round(length * factor)) for length in picture.size)
    return picture.resize(size, SMOOTH if how is None else how)


def covering(picture: Any, height: int, width: int) -> Any:
    """The picture, enlarged where it is smaller than a window."""
    factor = max(width / picture.width, height / picture.height)
    if factor <= 1:
        return picture
    size = (max(width, round(picture.width * factor)), max(height, round(picture.height * factor)))
    return picture.resize(size, SMOOTH)


def window(picture: Any, height: int, width: int, chance: random.Random | None = None) -> Any:
    """A window of the picture: its middle, or anywhere by chance."""
    across, down = picture.width - width, picture.height - height
    left, top = (across // 2, down // 2) if chance is None else (chance.randint(0, across), chance.randint(0, down))
    return picture.crop((left, top, left + width, top + height))


def mirrored(picture: Any) -> Any:
    """Left is right."""
    return ImageOps.mirror(picture)


def recoloured(picture: Any, chance: random.Random) -> Any:
    """Hue, saturation and lightness shifted by chance: up to 36 of 180, and 50 of 255, as AWS's `crop_color`."""
    values = np.asarray(picture.convert("HSV"), np.int16)
    hue = (values[..., 0] + round(chance.randint(-36, 36) * 255 / 180)) % 256
    rest = np.clip(values[..., 1:] + (chance.randint(-50, 50), chance.randint(-50, 50)), 0, 255)
    changed = np.concatenate([hue[..., None], rest], axis=2).astype(np.uint8)
    return Image.fromarray(changed, "HSV").convert(picture.mode)


def bent(picture: Any, chance: random.Random) -> Any:
    """Turned by up to 10 degrees, sheared by up to 0.1, its sides' ratio changed by up to 0.25."""
    turned = picture.rotate(chance.uniform(-10, 10), Image.Resampling.BILINEAR)
    shear, ratio = chance.uniform(-0.1, 0.1), 1 + chance.uniform(-0.25, 0.25)
    middle = turned.height / 2
    across = (ratio, shear, -shear * middle + turned.width * (1 - ratio) / 2)
    return turned.transform(turned.size, Image.Transform.AFFINE, (*across, 0, 1, 0), Image.Resampling.BILINEAR)


def array(picture: Any) -> Any:
    """Float32, channels by height by width, about 0 with a deviation of about 1."""
    values: Any = np.asarray(picture, np.float32) / 255
    if values.ndim == 2:
        values = values[..., None]
    channels = values.shape[2]
    mean, deviation = np.array(_MEAN[channels], np.float32), np.array(_DEVIATION[channels], np.float32)
    return ((values - mean) / deviation).transpose(2, 0, 1)


def batch(pictures: Sequence[Any]) -> Any:
    """Pictures of one size as one array."""
    return np.ascontiguousarray(np.stack([array(picture) for picture in pictures]))
