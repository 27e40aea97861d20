// What kernels over sliding windows share.
#pragma once
#include "kernel.cuh"

// Sizes of an image and of the result, in pixels, and the window: as `Geometry` of Rust. All are small enough for
// signed arithmetic, and so are the pixels of an image, and the numbers under all its windows.
struct Window {
    u32 h, w, oh, ow, kh, kw, sh, sw, ph, pw;
};

// The window positions from `first` to before `end` under which a pixel lies, `at` with the padding before it.
struct Covering {
    u32 first, end;
    HOST_DEVICE Covering(u32 at, u32 kernel, u32 stride, u32 out)
        : first(at < kernel ? 0 : (at - kernel) / stride + 1), end(min(at / stride + 1, out)) {}
};
