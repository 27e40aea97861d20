#include "lines.cuh"

// y = x − m − ln Σ e^(x − m), or e^(x − m) / Σ e^(x − m) for `shares`, along each line, m being its largest number; x and
// y are contiguous and of one shape. The sum is `double`; a line is read from memory once, then from the cache.
extern "C" __global__ void __launch_bounds__(512) KERNEL(softmax)(Real* y, const Real* x, u32 shares, Lines lines) {
    __shared__ double scratch[32];
    __shared__ Real largest_of[32];
    for (u32 first = blockIdx.x * lines.at_once(); first < lines.count; first += gridDim.x * lines.at_once()) {
        const u32 line = lines.number(first), length = line < lines.count ? lines.length : 0;
        const u64 start = length > 0 ? lines.start(line) : 0;
        const Real* own = x + start;
        Real largest = -Real(INFINITY);
        for (u32 i = lines.lane(); i < length; i += lines.step()) largest = Larger()(own[u64(i) * lines.inner], largest);
        largest = together(largest, lines, largest_of, Larger());
        double sum = 0;
        for (u32 i = lines.lane(); i < length; i += lines.step()) sum += exp(own[u64(i) * lines.inner] - largest);
        sum = together(sum, lines, scratch, Plus());
        const Real logarithm = log(Real(sum)), share = Real(1 / sum);
        for (u32 i = lines.lane(); i < length; i += lines.step()) {
            const Real apart = own[u64(i) * lines.inner] - largest;
            y[start + u64(i) * lines.inner] = shares ? exp(apart) * share : apart - logarithm;
        }
    }
}
EXPORT(KERNEL(softmax))
