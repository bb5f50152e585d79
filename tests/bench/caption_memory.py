"""Peak memory of captioning a long video against a short one, each in a process of its own.

    python -m tests.bench.caption_memory [--minutes 1 10]

Videos of 480p are made here: moving colours, a new shot every eight seconds, and ``gradio.media``'s speech over
and over.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from itertools import cycle
from pathlib import Path

import numpy as np

WIDTH, HEIGHT, FRAME_RATE = 854, 480, 15
SHOT_S = 8
SOUND_HZ = 44_100
CHILD = """
import json, resource, sys
from mmcore import Settings, Studio
caption = Studio(Settings.from_env(profile="embedded")).caption(sys.argv[1])
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps([peak, caption.seconds, len(caption.of("speech")), len(caption.of("scene")), caption.duration_s]))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, nargs=2, default=(1, 10))
    peaks = []
    for minutes in parser.parse_args().minutes:
        with tempfile.TemporaryDirectory() as folder:
            path = make(Path(folder) / "clip.mp4", minutes * 60)
            run = subprocess.run([sys.executable, "-c", CHILD, str(path)], stdout=subprocess.PIPE, check=True)
        peak, seconds, lines, scenes, duration_s = json.loads(run.stdout)
        peaks.append(peak)
        print(
            f"{minutes:4g} min ({duration_s:.0f} s): peak {peak / 1e6:.0f} MB, {seconds:.0f} s, "
            f"{lines} lines, {scenes} scenes",
            flush=True,
        )
    print(f"ratio {peaks[1] / peaks[0]:.2f}   (wanted: at most 1.2)")


def make(path: Path, length_s: float) -> Path:
    """A video of ``length_s`` with speech."""
    import av

    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=FRAME_RATE)
        video.width, video.height, video.pix_fmt, video.bit_rate = WIDTH, HEIGHT, "yuv420p", 800_000
        audio = container.add_stream("aac", rate=SOUND_HZ, layout="mono")
        for number in range(int(length_s * FRAME_RATE)):
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture(number), format="rgb24")))
        for packet in spoken(audio, length_s):
            container.mux(packet)
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    return path


def picture(number: int) -> np.ndarray:
    """(480, 854, 3): stripes of a shot's own colour that move."""
    colour = np.random.default_rng(number // (SHOT_S * FRAME_RATE)).integers(60, 255, 3)
    stripes = (np.arange(WIDTH) + 4 * number) // 60 % 2 * 0.5 + 0.5
    return np.broadcast_to((stripes[:, None] * colour).astype(np.uint8), (HEIGHT, WIDTH, 3)).copy()


def spoken(stream, length_s: float):
    """Packets of speech, the recordings over and over."""
    import av
    from gradio.media import get_audio

    resampler = av.AudioResampler("fltp", "mono", SOUND_HZ, frame_size=1024)
    made = 0
    for name in cycle(("cate_blanch.mp3", "heath_ledger.mp3", "cate_blanch_2.mp3")):
        with av.open(get_audio(name)) as source:
            for frame in source.decode(audio=0):
                for piece in resampler.resample(frame):
                    if made >= length_s * SOUND_HZ:
                        return
                    piece.pts, made = made, made + piece.samples
                    yield from stream.encode(piece)


if __name__ == "__main__":
    main()
