#include "window.cuh"

// y[image, (i, j)] = mean of x[image, s i + u, s j + v] over u, v: `x (images, h, w)`, `y (images, positions)`, of which
// there are `count`. No padding. In `double`.
//
// A thread for each window: for small ones.
extern "C" __global__ void __launch_bounds__(256) KERNEL(avg_pool_few)(Real* y, const Real* x, u32 count, Window of) {
    const u32 positions = of.oh * of.ow;
    const double share = 1.0 / (of.kh * of.kw);
    for (u32 n = first_index(); n < count; n += all_threads()) {
        const u32 image = n / positions, position = n % positions;
        const Real* row = x + u64(image) * (of.h * of.w) + position / of.ow * of.sh * of.w + position % of.ow * of.sw;
        double sum = 0;
        for (u32 u = 0; u < of.kh; u++, row += of.w) {
            for (u32 v = 0; v < of.kw; v++) sum += row[v];
        }
        y[n] = Real(sum * share);
    }
}
EXPORT(KERNEL(avg_pool_few))

// The same, with a block of whole warps for each window.
extern "C" __global__ void __launch_bounds__(1024) KERNEL(avg_pool_many)(Real* y, const Real* x, u32 count, Window of) {
    __shared__ double scratch[33];
    const u32 positions = of.oh * of.ow, taps = of.kh * of.kw;
    for (u32 n = blockIdx.x; n < count; n += gridDim.x) {
        const u32 image = n / positions, position = n % positions;
        const Real* corner = x + u64(image) * (of.h * of.w) + position / of.ow * of.sh * of.w + position % of.ow * of.sw;
        double sum = 0;
        for (u32 tap = threadIdx.x; tap < taps; tap += blockDim.x) sum += corner[tap / of.kw * of.w + tap % of.kw];
        sum = block_sum(sum, scratch);
        if (threadIdx.x == 0) y[n] = Real(sum * (1.0 / taps));
    }
}
EXPORT(KERNEL(avg_pool_many))

// x[image, pixel] = Σ y[image, window] / taps over the windows that the pixel lies under: the adjoint, with `count =
// images · h · w`. In `double`; a thread for each pixel.
extern "C" __global__ void __launch_bounds__(256) KERNEL(avg_pool_spread)(Real* x, const Real* y, u32 count, Window of) {
    const u32 positions = of.oh * of.ow, pixels = of.h * of.w;
    const double share = 1.0 / (of.kh * of.kw);
    for (u32 n = first_index(); n < count; n += all_threads()) {
        const u32 image = n / pixels, pixel = n % pixels;
        const Covering down(pixel / of.w, of.kh, of.sh, of.oh), across(pixel % of.w, of.kw, of.sw, of.ow);
        const Real* windows = y + u64(image) * positions;
        double sum = 0;
        for (u32 i = down.first; i < down.end; i++) {
            for (u32 j = across.first; j < across.end; j++) sum += windows[i * of.ow + j];
        }
        x[n] = Real(sum * share);
    }
}
EXPORT(KERNEL(avg_pool_spread))
