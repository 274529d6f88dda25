"""Rate of matrix products: what the networks' rate is a fraction of.

    python -m benchmarks.gpu.products DEVICE SIDE,SIDE,...

Prints as JSON, by number format and side, how many TFLOP a second a product of two square matrices reaches at best.
"""

import json
import sys
import time

import torch

from reelmend.core_model.device.precision import Execution

FORMATS = {"fp32": torch.float32, "tf32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
_REPEATS, _AT_ONCE = 4, 5


def main() -> None:
    device, sides = torch.device(sys.argv[1]), [int(side) for side in sys.argv[2].split(",")]
    formats = FORMATS if device.type == "cuda" else {name: FORMATS[name] for name in ("fp32", "bf16")}
    print(json.dumps({name: {str(side): rate(device, name, side) for side in sides} for name in formats}))


def rate(device: torch.device, name: str, side: int) -> float:
    """TFLOP/s, of the fastest of four times five products."""
    a = torch.randn(side, side, device=device).to(FORMATS[name])
    seconds = []
    with torch.inference_mode(), Execution(tf32=name == "tf32").reduced(device):
        _wait((a @ a).float())
        for _ in range(_REPEATS):
            start = time.perf_counter()
            for _ in range(_AT_ONCE):
                product = a @ a
            _wait(product)
            seconds.append((time.perf_counter() - start) / _AT_ONCE)
    return 2 * side**3 / min(seconds) / 1e12


def _wait(product: torch.Tensor) -> None:
    product[0, 0].item()


if __name__ == "__main__":
    main()
