#include "lines.cuh"

// y[line, i] = Σ_{j ≤ i} x[line, j], in `double`: the threads of a line take as many neighbours at once as they are.
extern "C" __global__ void __launch_bounds__(512) KERNEL(cumsum)(Real* y, const Real* x, Lines lines) {
    __shared__ double scratch[32];
    for (u32 first = blockIdx.x * lines.at_once(); first < lines.count; first += gridDim.x * lines.at_once()) {
        const u32 line = lines.number(first);
        const bool there = line < lines.count;
        const u64 start = there ? lines.start(line) : 0;
        double before = 0;
        // As often for every thread: all take part in the sums.
        for (u32 from = 0; from < lines.length; from += lines.step()) {
            const u32 i = from + lines.lane();
            const bool inside = there && i < lines.length;
            const u64 at = start + u64(i) * lines.inner;
            double total;
            const double sum = running_sum(inside ? double(x[at]) : 0.0, lines, scratch, total);
            if (inside) y[at] = Real(before + sum);
            before += total;
        }
    }
}
EXPORT(KERNEL(cumsum))
