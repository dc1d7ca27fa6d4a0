"""One colour convention for every picture inside the engine.

YUV pictures are 8 bit I420 with the BT.601 matrix and limited range (luma 16 to 235), because that is what
OpenCV's ``COLOR_YUV2BGR_I420`` and its kin compute, so that a picture keeps its colours whichever room
converts it. Primaries and transfer are those of BT.709. Every file we write says so in its tags.
"""

from __future__ import annotations

from typing import Any

import av
from av.video.reformatter import ColorPrimaries, ColorTrc, Interpolation, VideoReformatter

from avatar_engine.contracts import YUV_MATRIX, YUV_PRIMARIES, YUV_RANGE, YUV_TRANSFER

_UNSPECIFIED = 2
_SWS_BT709 = 1
_SWS_BT601 = 5
_HDR_TRANSFERS = (int(ColorTrc.SMPTE2084), int(ColorTrc.ARIB_STD_B67))
_HD_LINES = 720


def is_hdr(transfer: int) -> bool:
    """Whether a transfer characteristic (AVCOL_TRC_*) is PQ or HLG, and so wants tone mapping."""
    return transfer in _HDR_TRANSFERS


def tag(target: Any) -> None:
    """Write the engine's colour tags on a PyAV encoder context or video frame."""
    target.colorspace = YUV_MATRIX
    target.color_range = YUV_RANGE
    target.color_primaries = YUV_PRIMARIES
    target.color_trc = YUV_TRANSFER


class Converter:
    """Converts pictures of one stream; libswscale's tables are made once and used for every picture."""

    def __init__(self) -> None:
        self._scaler = VideoReformatter()

    def i420(self, frame: av.VideoFrame, width: int, height: int) -> av.VideoFrame:
        """Any frame as ``width`` x ``height`` I420 in the engine's colours.

        Untagged pictures of 720 lines and more are taken as BT.709, smaller ones as BT.601, as players do. PQ,
        HLG and wide-gamut pictures are mapped to BT.709 by libswscale. A frame that already fits comes back
        without a copy.
        """
        wide = is_hdr(frame.color_trc) or frame.color_primaries == int(ColorPrimaries.BT2020)
        same_size = (frame.width, frame.height) == (width, height)
        fresh = self._scaler.reformat(
            frame,
            width,
            height,
            "yuv420p",
            src_colorspace=_source_matrix(frame),
            dst_colorspace=_SWS_BT601,
            dst_color_range=YUV_RANGE,
            dst_color_trc=YUV_TRANSFER if wide else None,
            dst_color_primaries=YUV_PRIMARIES if wide else None,
            interpolation=Interpolation.BILINEAR if same_size else Interpolation.BICUBIC,
            threads=1,
        )
        tag(fresh)
        return fresh

    def array(self, frame: av.VideoFrame, picture_format: str) -> Any:
        """A decoded frame as an array: ``bgr24``/``rgb24`` (h, w, 3) or ``yuv420p`` (h * 3 // 2, w)."""
        if picture_format == "yuv420p":
            if (
                frame.format.name == "yuv420p"
                and frame.colorspace == YUV_MATRIX
                and frame.color_range == YUV_RANGE
            ):
                return frame.to_ndarray()
            return self.i420(frame, frame.width // 2 * 2, frame.height // 2 * 2).to_ndarray()
        fresh = self._scaler.reformat(
            frame, format=picture_format, src_colorspace=_source_matrix(frame), threads=1
        )
        return fresh.to_ndarray()


def _source_matrix(frame: av.VideoFrame) -> int | None:
    """libswscale's number of the matrix to assume for an untagged picture; None where the tag is to be used."""
    if frame.format.is_rgb or frame.colorspace != _UNSPECIFIED:
        return None
    return _SWS_BT709 if min(frame.width, frame.height) >= _HD_LINES else _SWS_BT601
