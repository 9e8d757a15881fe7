"""Samples from a folder of PNG images, with a folder for each class, through pillow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.errors import Problem, ScenarioError
from retrograde.engine.scenario import limits
from retrograde.engine.scenario.dataset import Samples
from retrograde.engine.scenario.picking import picked, too_large, unreadable
from retrograde.engine.text import _
from retrograde.engine.within import OutsideError, require_readable

_GREY = ("1", "L")
_COLOURS = ("P", "RGB", "RGBA", "PA")


def read_images(path: Path, shown: str, rows: str | None, classes: tuple[str, ...] | None) -> Samples:
    """Return the images of a folder, channels before rows before columns, from 0 to 255.

    Args:
        path: the folder; each folder in it is a class, in the order of their names.
        shown: how problems name it.
        rows: which images are taken, in the order of the classes and of their names; None for all.
        classes: the names of the folders in the order of the outputs, where that is stated.

    Raises:
        ScenarioError: it has no images, or such of different sizes, or pillow is not installed.
    """
    names = image_classes(path)
    if classes is not None:
        if unknown := [name for name in classes if name not in names]:
            message = _("there is no folder {name}; there are: {names}")
            text = message.format(name=repr(unknown[0]), names=", ".join(map(repr, names)) or _("none"))
            raise ScenarioError([Problem(path=shown, key="data.classes", message=text)])
        names = list(classes)
    files = [(place, file) for place, name in enumerate(names) for file in _pngs(path / name)]
    files = files or [(-1, file) for file in _pngs(path)]
    if not files:
        message = _("there are no PNG images in the folder, nor in folders in it")
        raise ScenarioError([Problem(path=shown, key="data.file", message=message)])
    taken = np.arange(len(files))
    if rows is not None:
        taken = picked(rows, len(files), "data.rows", _("row"), shown)
    images = _images([files[place][1] for place in taken], shown)
    labels = np.array([float(files[place][0]) for place in taken])
    return Samples(
        inputs=images.reshape(len(images), -1).astype(np.float64),
        targets=labels[:, None] if names and labels.min() >= 0 else np.zeros((len(images), 0)),
        numbers=taken + 1,
        labels=tuple(names) if labels.min() >= 0 else (),
        shape=images.shape[1:],
    )


def image_classes(path: Path) -> list[str]:
    """Return the folders of a folder that have images in them, sorted."""
    return sorted(inner.name for inner in path.iterdir() if inner.is_dir() and any(_pngs(inner)))


def _pngs(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(file for file in folder.iterdir() if file.suffix.lower() == ".png" and file.is_file())


def _images(files: list[Path], shown: str) -> NDArray[Any]:
    try:
        # Only this needs the extra.
        from PIL import Image
    except ImportError as error:
        message = _("images need pillow: python -m pip install 'retrograde[images]'")
        raise ScenarioError([Problem(path=shown, key="data.file", message=message)]) from error
    found: list[NDArray[Any]] = []
    for file in files:
        place = f"{shown}/{file.parent.name}/{file.name}"
        try:
            require_readable(file)
            with Image.open(file, formats=("PNG",)) as image:
                if image.width * image.height * 8 * 3 * len(files) > limits.MAX_DATA_BYTES:
                    raise ScenarioError([too_large(place)])
                pixels = _pixels(image, place)
        except ScenarioError:
            raise
        except OutsideError as error:
            raise ScenarioError([Problem(path=place, key="data.file", message=str(error))]) from error
        except Exception as error:
            raise unreadable(place, error) from error
        if found and pixels.shape != found[0].shape:
            message = _("this image has {found} pixels, the first one has {wanted}; all need the same size and colours")
            sizes = {"found": "×".join(map(str, pixels.shape)), "wanted": "×".join(map(str, found[0].shape))}
            raise ScenarioError([Problem(path=place, key="data.file", message=message.format(**sizes))])
        found.append(pixels)
    return np.stack(found)


def _pixels(image: Any, place: str) -> NDArray[Any]:
    """Return the pixels of an image, (1, rows, columns) of grey or (3, rows, columns) of colours."""
    if image.mode in _GREY:
        return np.asarray(image.convert("L"))[None]
    if image.mode in _COLOURS:
        return np.asarray(image.convert("RGB")).transpose(2, 0, 1)
    if image.mode == "LA":
        return np.asarray(image.getchannel("L"))[None]
    message = _("images of the kind {mode} are not read; grey or RGB with 8 bits is needed").format(mode=image.mode)
    raise ScenarioError([Problem(path=place, key="data.file", message=message)])
