"""Twenty clips in which nobody speaks: music, tones, noise, silence; made here, 12 s each, 16 kHz mono.

Each is (S,) float32 in [-1, 1], the same at every call.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

RATE_HZ = 16_000
LENGTH_S = 12.0
SAMPLES = int(RATE_HZ * LENGTH_S)
TIME_S = np.arange(SAMPLES) / RATE_HZ
C_MAJOR_HZ = (261.6, 293.7, 329.6, 349.2, 392.0, 440.0, 493.9, 523.3)


def _random() -> np.random.Generator:
    return np.random.default_rng(7)


def tone(frequency_hz: float, overtones: int = 1) -> np.ndarray:
    """A steady tone whose overtones fall off as 1/n."""
    return sum(np.sin(2 * np.pi * frequency_hz * n * TIME_S) / n for n in range(1, overtones + 1)) / 3


def notes(frequencies_hz, length_s: float, overtones: int, decay_s: float) -> np.ndarray:
    """Notes one after the other, each struck and dying away; repeated to the end."""
    sound = np.zeros(SAMPLES)
    size = int(length_s * RATE_HZ)
    for index, start in enumerate(range(0, SAMPLES - size + 1, size)):
        note_s = np.arange(size) / RATE_HZ
        pitch_hz = frequencies_hz[index % len(frequencies_hz)]
        wave = sum(np.sin(2 * np.pi * pitch_hz * n * note_s) / n for n in range(1, overtones + 1))
        sound[start : start + size] = wave * np.exp(-note_s / decay_s) * 0.3
    return sound


def coloured_noise(exponent: float) -> np.ndarray:
    """Noise whose power falls as 1 / frequency ** exponent: 0 white, 1 pink, 2 brown."""
    spectrum = np.fft.rfft(_random().standard_normal(SAMPLES))
    frequencies_hz = np.fft.rfftfreq(SAMPLES, 1 / RATE_HZ)
    frequencies_hz[0] = frequencies_hz[1]
    sound = np.fft.irfft(spectrum / frequencies_hz ** (exponent / 2), SAMPLES)
    return sound / np.abs(sound).max() * 0.6


def chords() -> np.ndarray:
    """I, vi, IV, V, a second and a half each."""
    roots = ((261.6, 329.6, 392.0), (220.0, 261.6, 329.6), (174.6, 220.0, 261.6), (196.0, 246.9, 293.7))
    return sum(notes([chord[voice] for chord in roots], 1.5, 5, 1.0) for voice in range(3)) / 2


def drums() -> np.ndarray:
    """Kick, snare and hi-hat at 120 beats a minute."""
    random, sound, beat = _random(), np.zeros(SAMPLES), RATE_HZ // 2
    for index, start in enumerate(range(0, SAMPLES - beat, beat // 2)):
        hit_s = np.arange(beat // 2) / RATE_HZ
        kick = np.sin(2 * np.pi * 55 * hit_s) * np.exp(-hit_s / 0.08) * (index % 4 == 0)
        snare = random.standard_normal(len(hit_s)) * np.exp(-hit_s / 0.05) * 0.5 * (index % 4 == 2)
        hat = random.standard_normal(len(hit_s)) * np.exp(-hit_s / 0.01) * 0.2
        sound[start : start + beat // 2] += kick + snare + hat
    return sound / 2


def band() -> np.ndarray:
    """Drums, chords and a melody together."""
    return (drums() + chords() + notes(C_MAJOR_HZ[::-1], 0.375, 8, 0.3)) / 2


def sweep(low_hz: float, high_hz: float) -> np.ndarray:
    """A tone that climbs evenly."""
    return 0.4 * np.sin(2 * np.pi * (low_hz * TIME_S + (high_hz - low_hz) / (2 * LENGTH_S) * TIME_S**2))


def siren() -> np.ndarray:
    return 0.4 * np.sin(2 * np.pi * 800 * TIME_S + 300 / 0.5 * np.sin(2 * np.pi * 0.5 * TIME_S))


def clicks() -> np.ndarray:
    sound = np.zeros(SAMPLES)
    sound[:: RATE_HZ // 3] = 0.9
    return sound


def chirps() -> np.ndarray:
    """Like a bird: quick falls from 5 to 3 kHz, in threes."""
    sound, size = np.zeros(SAMPLES), int(0.12 * RATE_HZ)
    chirp_s = np.arange(size) / RATE_HZ
    chirp = np.sin(2 * np.pi * (5000 * chirp_s - 8000 * chirp_s**2)) * np.hanning(size) * 0.5
    for start in range(0, SAMPLES - RATE_HZ, RATE_HZ):
        for repeat in range(3):
            place = start + int(repeat * 0.18 * RATE_HZ)
            sound[place : place + size] += chirp
    return sound


def wind() -> np.ndarray:
    """Pink noise that swells and falls."""
    return coloured_noise(1) * (0.55 + 0.45 * np.sin(2 * np.pi * 0.2 * TIME_S))


def engine() -> np.ndarray:
    """A rough low buzz with noise."""
    return tone(42, 20) * (0.7 + 0.3 * np.sin(2 * np.pi * 11 * TIME_S)) + coloured_noise(2) * 0.2


def ringing() -> np.ndarray:
    """A telephone: 440 and 480 Hz, two seconds on, four off."""
    return (tone(440) + tone(480)) * (TIME_S % 6 < 2)


def beeps() -> np.ndarray:
    return tone(1000) * (TIME_S % 1 < 0.3)


def hummed_melody() -> np.ndarray:
    """A voice-like glide without words: a harmonic series with vibrato under a slow melody."""
    pitch_hz = 160 + 40 * np.sin(2 * np.pi * 0.3 * TIME_S) + 4 * np.sin(2 * np.pi * 5.5 * TIME_S)
    phase = 2 * np.pi * np.cumsum(pitch_hz) / RATE_HZ
    return sum(np.sin(n * phase) / n**1.5 for n in range(1, 12)) / 4


def faint_noise() -> np.ndarray:
    """The hiss of an empty recording, 60 dB below full scale."""
    return coloured_noise(0) * 10 ** (-60 / 20)


CLIPS: dict[str, Callable[[], np.ndarray]] = {
    "melody": lambda: notes(C_MAJOR_HZ, 0.5, 6, 0.4),
    "bass line": lambda: notes((65.4, 82.4, 98.0, 110.0), 0.75, 10, 0.6),
    "bells": lambda: notes((1046.5, 1318.5, 1568.0), 1.0, 3, 0.5),
    "chords": chords,
    "drums": drums,
    "band": band,
    "hummed melody": hummed_melody,
    "tone of 440 Hz": lambda: tone(440),
    "mains hum": lambda: tone(50, 8),
    "sweep": lambda: sweep(100, 6000),
    "siren": siren,
    "beeps": beeps,
    "telephone ringing": ringing,
    "clicks": clicks,
    "chirps": chirps,
    "white noise": lambda: coloured_noise(0),
    "pink noise": lambda: coloured_noise(1),
    "brown noise": lambda: coloured_noise(2),
    "wind": wind,
    "engine": engine,
    "faint hiss": faint_noise,
    "silence": lambda: np.zeros(SAMPLES),
}


def clip(name: str) -> np.ndarray:
    """(S,) float32 within [-1, 1]."""
    return CLIPS[name]().clip(-1, 1).astype(np.float32)
