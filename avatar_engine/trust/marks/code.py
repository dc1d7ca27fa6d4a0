"""What a mark says: 32 bits that name a consent, protected so that a misread one is not taken for another.

The number is sealed with a CRC of 16 bits and spread over `CODED` signs by the convolutional code of rate 1/2 and
constraint length 7 with generators 171 and 133 (octal, CCSDS 131.0-B), which is read by soft decision (A. J. Viterbi,
"Error bounds for convolutional codes and an asymptotically optimum decoding algorithm", IEEE Trans. Inform. Theory 13,
1967).
"""

from __future__ import annotations

import binascii

import numpy as np
import numpy.typing as npt

from avatar_engine.contracts import FloatArray

ID_BITS, CRC_BITS = 32, 16
_MEMORY = 6
_GENERATORS = (0o171, 0o133)
_STATES = 1 << _MEMORY
CODED = 2 * (ID_BITS + CRC_BITS + _MEMORY)
"""Signs of a coded number: 108."""


def consent_number(consent: str) -> int:
    """The 32 bits that stand for a consent: the start of its id (`avatar_engine.trust.consent.SignedConsent.id`).

    Two consents share a number once in four thousand million; whose it is, is told by comparing with known consents.
    """
    return int(consent[: ID_BITS // 4], 16)


def shown(number: int) -> str:
    """A number as people read it: the first eight digits of the consent's id."""
    return f"{number:08x}"


def encode(number: int) -> FloatArray:
    """float32 (`CODED`,) of -1 and 1 for ``number`` (0 to 2**32 - 1)."""
    data = number.to_bytes(ID_BITS // 8, "big")
    whole = data + _seal(data).to_bytes(CRC_BITS // 8, "big")
    bits = np.concatenate([np.unpackbits(np.frombuffer(whole, np.uint8)), np.zeros(_MEMORY, np.uint8)])
    state, out = 0, np.empty(CODED, np.float32)
    for place, bit in enumerate(bits):
        register = int(bit) << _MEMORY | state
        for branch, generator in enumerate(_GENERATORS):
            out[2 * place + branch] = _sign(register & generator)
        state = register >> 1
    return out


def decode(soft: FloatArray) -> int | None:
    """The number whose signs are most like ``soft``, float32 (`CODED`,), any scale; None when its seal is wrong.

    Noise alone passes for a number once in 65,536.
    """
    whole = np.packbits(_likeliest(soft)[: ID_BITS + CRC_BITS]).tobytes()
    data, seal = whole[: ID_BITS // 8], int.from_bytes(whole[ID_BITS // 8 :], "big")
    return int.from_bytes(data, "big") if _seal(data) == seal else None


def _seal(data: bytes) -> int:
    return binascii.crc_hqx(data, 0xFFFF)  # CCITT's polynomial


def _sign(bits: int) -> float:
    return 1.0 if bits.bit_count() % 2 else -1.0


def _trellis() -> tuple[npt.NDArray[np.intp], FloatArray]:
    """For every state the two states before it, and the two signs that the step from each sends."""
    before = np.empty((_STATES, 2), np.intp)
    signs = np.empty((_STATES, 2, 2), np.float32)
    for state in range(_STATES):
        for lost in (0, 1):  # the bit that falls out of the register
            register = state << 1 | lost
            before[state, lost] = register & (_STATES - 1)
            signs[state, lost] = [_sign(register & generator) for generator in _GENERATORS]
    return before, signs


_BEFORE, _SIGNS = _trellis()


def _likeliest(soft: FloatArray) -> npt.NDArray[np.uint8]:
    """The bits, tail included, of the path through the trellis that correlates best with ``soft``."""
    steps = CODED // 2
    best = np.full(_STATES, -np.inf)
    best[0] = 0.0
    choices = np.empty((steps, _STATES), np.uint8)
    for step in range(steps):
        paths = best[_BEFORE] + _SIGNS @ soft[2 * step : 2 * step + 2].astype(np.float64)
        choices[step] = paths.argmax(1)
        best = paths.max(1)
    bits = np.empty(steps, np.uint8)
    state = 0  # where the tail leads
    for step in reversed(range(steps)):
        bits[step] = state >> (_MEMORY - 1)
        state = int(_BEFORE[state, choices[step, state]])
    return bits
