"""Where the person is, coarsely: a network's mask of single pictures, from which `avatar_engine.stage.matte` starts.

Method: MediaPipe Selfie Segmentation (Google, Apache-2.0), or a network of the user's own as ONNX.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from avatar_engine import models
from avatar_engine.contracts import ByteArray, FloatArray
from avatar_engine.errors import AvatarError
from avatar_engine.face.track import native_chatter_hidden

WEIGHTS = "selfie-segmenter"

FIRST_STATE = (1, 1, 1, 1)
"""Shape of a recurrent network's states before the first picture; they grow to what they must be."""

LONGEST = 512
"""Pixels of the longer side of what networks of any size are shown of a downsampled picture (Robust Video Matting)."""

CONTRACT = (
    "It takes one picture, float32 1x3xHxW, RGB from 0 to 1 (H and W free or fixed), and gives one alpha, 1x1xHxW from "
    "0 to 1. Further inputs may be states (r1i, r2i, ..., returned as r1o, r2o, ...) and downsample_ratio."
)


class Segmenter(Protocol):
    """Finds the person in pictures, one after the other."""

    def mask(self, picture: ByteArray, /) -> FloatArray:
        """The share of the person in every pixel of an RGB picture uint8 (height, width, 3): float32 (h, w), 0 to 1, of
        a size that the network likes."""
        ...

    def close(self) -> None:
        """Give the memory back."""
        ...


class SelfieSegmenter:
    """MediaPipe's, 256 pixels a side: 15 ms of one core a picture."""

    def __init__(self) -> None:
        weights = models.path(WEIGHTS)
        with native_chatter_hidden():
            # Imported here: it takes a second and the live show needs no masks.
            import mediapipe as mp
            from mediapipe.tasks.python import BaseOptions, vision

            self._image, self._format = mp.Image, mp.ImageFormat.SRGB
            options = vision.ImageSegmenterOptions(
                base_options=BaseOptions(model_asset_path=str(weights)),
                output_confidence_masks=True,
                output_category_mask=False,
            )
            self._segmenter: Any = vision.ImageSegmenter.create_from_options(options)
            # The first picture loads the rest of the native code, with its chatter.
            self.mask(np.zeros((SIDE, SIDE, 3), np.uint8))

    def mask(self, picture: ByteArray) -> FloatArray:
        """See `Segmenter`; float32 (256, 256), whatever the picture's shape."""
        # The answer comes in the picture's size, made larger from 256 pixels: shrunk beforehand it costs less.
        small = np.ascontiguousarray(cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA))
        result = self._segmenter.segment(self._image(image_format=self._format, data=small))
        mask = np.array(result.confidence_masks[-1].numpy_view(), np.float32)
        return mask.reshape(SIDE, SIDE)

    def close(self) -> None:
        """Give the native memory back."""
        self._segmenter.close()


SIDE = 256
"""Side of what MediaPipe's network sees, in pixels."""


class OnnxMatte:
    """A matting network of the user's own; see `CONTRACT`. Robust Video Matting's export fits.

    Args:
        path: The ONNX file.

    Raises:
        AvatarError: It can't be read, or its inputs and outputs are others.
    """

    def __init__(self, path: Path) -> None:
        # Imported here: it takes a while, and few need it.
        import onnxruntime

        self._path = path
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        try:
            self._session: Any = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime's own classes
            reason = str(error).splitlines()[0][:200]
            raise AvatarError(f"{path} is no network that can be run: {reason}", CONTRACT) from error
        inputs, outputs = self._session.get_inputs(), [one.name for one in self._session.get_outputs()]
        pictures = [one for one in inputs if len(one.shape) == 4 and one.shape[1] == 3]
        self._states = {one.name: one.name[:-1] + "o" for one in inputs if one.name[:-1] + "o" in outputs}
        self._ratio = any(one.name == "downsample_ratio" for one in inputs)
        others = len(inputs) - len(self._states) - self._ratio
        alphas = [name for name in outputs if name == "pha"] or [
            one.name
            for one in self._session.get_outputs()
            if len(one.shape) == 4 and one.shape[1] in (1, "C")
        ]
        if len(pictures) != 1 or others != 1 or len(alphas) != 1:
            shapes = ", ".join(f"{one.name} {one.shape}" for one in (*inputs, *self._session.get_outputs()))
            raise AvatarError(f"{path} is no matting network: it has {shapes}.", CONTRACT)
        self._picture, self._alpha = pictures[0].name, alphas[0]
        rows, columns = pictures[0].shape[2:]
        self._size = (columns, rows) if isinstance(rows, int) and isinstance(columns, int) else None
        self._kept = {name: np.zeros(FIRST_STATE, np.float32) for name in self._states}

    def mask(self, picture: ByteArray) -> FloatArray:
        """See `Segmenter`; of the network's own size, or of the picture's where the network takes any.

        Raises:
            AvatarError: The network fails, or gives no alpha.
        """
        shown = cv2.resize(picture, self._size, interpolation=cv2.INTER_AREA) if self._size else picture
        feeds = {self._picture: np.ascontiguousarray(shown.transpose(2, 0, 1)[None], np.float32) / 255}
        feeds.update(self._kept)
        if self._ratio:
            feeds["downsample_ratio"] = np.array([min(1.0, LONGEST / max(shown.shape[:2]))], np.float32)
        try:
            alpha, *states = self._session.run([self._alpha, *self._states.values()], feeds)
        except Exception as error:  # ONNX Runtime's own classes
            reason = str(error).splitlines()[0][:200]
            raise AvatarError(f"{self._path} fails on a picture: {reason}", CONTRACT) from error
        self._kept = dict(zip(self._states, states, strict=True))
        plane = np.asarray(alpha, np.float32)
        if plane.ndim != 4 or plane.shape[:2] != (1, 1) or not np.isfinite(plane).all():
            raise AvatarError(f"{self._path} gives {plane.shape} that is no alpha.", CONTRACT)
        shares: FloatArray = np.clip(plane[0, 0], 0, 1)
        return shares

    def close(self) -> None:
        """The session ends with this object."""
