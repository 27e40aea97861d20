#include "window.cuh"

// index[image, (i, j)] = the number y · w + x of the first of the largest under the window at (s i, s j): `x (images, h,
// w)`, with `count = images · oh · ow`. NaN is larger than all. No padding. A thread for each window.
extern "C" __global__ void __launch_bounds__(256)
    KERNEL(max_pool_index)(u32* index, const Real* x, u32 count, Window of) {
    const u32 positions = of.oh * of.ow;
    for (u32 n = first_index(); n < count; n += all_threads()) {
        const u32 image = n / positions, position = n % positions;
        const Real* pixels = x + u64(image) * (of.h * of.w);
        const u32 corner = position / of.ow * of.sh * of.w + position % of.ow * of.sw;
        u32 best = corner;
        Real largest = pixels[corner];
        for (u32 u = 0; u < of.kh; u++) {
            for (u32 v = 0; v < of.kw; v++) {
                const u32 here = corner + u * of.w + v;
                const Real number = pixels[here];
                if (number > largest || (number != number && largest == largest)) best = here, largest = number;
            }
        }
        index[n] = best;
    }
}
EXPORT(KERNEL(max_pool_index))
