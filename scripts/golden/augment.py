"""Prints crates/msr-data/src/classes/augment_golden.rs: a small image resampled by PyTorch through crops, flips and
turns. Needs PyTorch; nothing that is built or tested needs this script.

    python scripts/golden/augment.py > crates/msr-data/src/classes/augment_golden.rs
"""

import math

import torch
import torch.nn.functional as F

H, W = 4, 5
image = torch.tensor([((n * 7 + 3) % 20) / 20 for n in range(H * W)], dtype=torch.float64).reshape(1, 1, H, W)


def resampled(crop, flips, angle):
    tall, wide, top, left = crop
    # In pixels from the centre of the output: turned back, mirrored, scaled, moved to the centre of the crop; then in
    # the coordinates of grid_sample, from -1 to 1 between the outer borders of the pixels.
    rows, columns = torch.meshgrid(torch.arange(H, dtype=torch.float64), torch.arange(W, dtype=torch.float64), indexing="ij")
    y, x = rows - (H - 1) / 2, columns - (W - 1) / 2
    c, s = math.cos(angle), math.sin(angle)
    y, x = c * y + s * x, -s * y + c * x
    y, x = (-y if flips[1] else y), (-x if flips[0] else x)
    y, x = y * tall / H + top + tall / 2, x * wide / W + left + wide / 2
    grid = torch.stack([2 * x / W - 1, 2 * y / H - 1], dim=-1)[None]
    return F.grid_sample(image, grid, mode="bilinear", padding_mode="zeros", align_corners=False).flatten().tolist()


CASES = [
    ((4, 5, 0, 0), (False, False), 0.3),
    ((3.2, 4.5, 0.5, 0.25), (True, False), -0.5),
    ((3.7, 4.6, 0.1, 0.4), (False, True), 0.1),
    ((4, 4.1, 0, 0.9), (True, True), 2.0),
]
print("""//! Images resampled by PyTorch. Made by scripts/golden/augment.py.

/// A crop (height, width, top, left), flips (left to right, top to bottom), an angle, and what
/// becomes of the image.
pub(super) struct Golden {
    pub(super) crop: (f64, f64, f64, f64),
    pub(super) flips: (bool, bool),
    pub(super) angle: f64,
    pub(super) values: [f32; 20],
}
""")
print(f"pub(super) const GOLDEN: [Golden; {len(CASES)}] = [")
for crop, flips, angle in CASES:
    numbers = ", ".join(repr(float(n)) for n in crop)
    values = resampled(crop, flips, angle)
    print("    Golden {")
    print(f"        crop: ({numbers}),")
    print(f"        flips: ({', '.join(str(f).lower() for f in flips)}),")
    print(f"        angle: {angle!r},")
    print("        values: [")
    for at in range(0, H * W, W):
        print("            " + ", ".join(f"{v:.6f}" for v in values[at : at + W]) + ",")
    print("        ],")
    print("    },")
print("];")
