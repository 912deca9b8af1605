"""Where bf16 is fast, and where it would do harm."""

from __future__ import annotations

import torch


def fast_precision(device: torch.device) -> str:
    """ "bf16" where the device multiplies it natively, else "no"."""
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported() else "no"
    native = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return "bf16" if device.type == "cpu" and native() else "no"


def autocast(device: torch.device, precision: str = "auto") -> torch.autocast:
    chosen = fast_precision(device) if precision == "auto" else precision
    return torch.autocast(device.type, torch.bfloat16, enabled=chosen == "bf16")


def full_precision(device: torch.device) -> torch.autocast:
    """Inside autocast, for geometry: in bf16 a point three metres away is rounded to the centimetre."""
    return torch.autocast(device.type, enabled=False)
