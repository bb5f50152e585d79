"""Numbers with their units, as a person reads them."""

from __future__ import annotations

GB, MB, KB = 10**9, 10**6, 10**3


def size(count_bytes: float) -> str:
    """491_400_064 -> "491 MB"."""
    for unit, name in ((GB, "GB"), (MB, "MB"), (KB, "kB")):
        if count_bytes >= unit:
            value = count_bytes / unit
            return f"{value:.1f} {name}" if unit == GB else f"{value:.0f} {name}"
    return f"{count_bytes:.0f} B"


def seconds(value_s: float) -> str:
    """0.042 -> "42 ms", 3.21 -> "3.2 s", 75 -> "1 min 15 s"."""
    if value_s < 0.1:
        return f"{value_s * 1000:.0f} ms"
    if value_s < 10:
        return f"{value_s:.2g} s" if value_s < 1 else f"{value_s:.1f} s"
    if value_s < 60:
        return f"{value_s:.0f} s"
    return f"{int(value_s) // 60} min {int(value_s) % 60} s"


def clock(time_s: float) -> str:
    """62.4 -> "1:02", 3725 -> "1:02:05"."""
    minutes, second = divmod(int(time_s), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def percent(probability: float) -> str:
    """0.913 -> "91 %"; what is not quite nothing is "< 1 %"."""
    value = 100 * probability
    return "< 1 %" if 0 < value < 0.5 else f"{value:.0f} %"
