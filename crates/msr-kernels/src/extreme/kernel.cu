#include "lines.cuh"

// y[line] = max_i x[line, i], or the smallest for `smallest`; NaN where there is one.
extern "C" __global__ void __launch_bounds__(512) KERNEL(extreme)(Real* y, const Real* x, u32 smallest, Lines lines) {
    __shared__ Real scratch[32];
    for (u32 first = blockIdx.x * lines.at_once(); first < lines.count; first += gridDim.x * lines.at_once()) {
        const u32 line = lines.number(first), length = line < lines.count ? lines.length : 0;
        const Real* own = x + (length > 0 ? lines.start(line) : 0);
        Real found = smallest ? Real(INFINITY) : -Real(INFINITY);
        for (u32 i = lines.lane(); i < length; i += lines.step()) {
            const Real here = own[u64(i) * lines.inner];
            found = smallest ? Smaller()(here, found) : Larger()(here, found);
        }
        found = smallest ? together(found, lines, scratch, Smaller()) : together(found, lines, scratch, Larger());
        if (length > 0 && lines.lane() == 0) y[line] = found;
    }
}
EXPORT(KERNEL(extreme))

// shares[line, i] = 1 / k where x[line, i] is equal to y[line], as are k numbers of the line, and zero elsewhere; where
// y is NaN, NaN is equal to it.
extern "C" __global__ void __launch_bounds__(512)
    KERNEL(extreme_shares)(Real* shares, const Real* x, const Real* y, Lines lines) {
    __shared__ u32 scratch[32];
    for (u32 first = blockIdx.x * lines.at_once(); first < lines.count; first += gridDim.x * lines.at_once()) {
        const u32 line = lines.number(first), length = line < lines.count ? lines.length : 0;
        const u64 start = length > 0 ? lines.start(line) : 0;
        const Real extreme = length > 0 ? y[line] : Real(0);
        u32 count = 0;
        for (u32 i = lines.lane(); i < length; i += lines.step()) {
            const Real here = x[start + u64(i) * lines.inner];
            count += here == extreme || (here != here && extreme != extreme);
        }
        count = together(count, lines, scratch, Plus());
        const Real share = Real(1) / count;
        for (u32 i = lines.lane(); i < length; i += lines.step()) {
            const Real here = x[start + u64(i) * lines.inner];
            shares[start + u64(i) * lines.inner] = here == extreme || (here != here && extreme != extreme) ? share : Real(0);
        }
    }
}
EXPORT(KERNEL(extreme_shares))
