#include "kernel.cuh"

// Sums of views, in `double`, and in an order that depends on the shape alone. `kept` are the dimensions that stay, in
// the order of the result; `along` those that are summed over.

// y[i] = scale Σ_j x[kept(i) + along(j)]: a thread for each sum.
extern "C" __global__ void __launch_bounds__(256)
    KERNEL(reduce_few)(Real* y, const Real* x, double scale, u32 sums, u32 terms, Strided<1> kept, Strided<1> along) {
    for (u32 i = first_index(); i < sums; i += all_threads()) {
        u32 start[1];
        kept.places(i, start);
        double sum = 0;
        if (along.dims <= 1) {
            const u32 stride = along.dims == 1 ? along.strides[0][0] : 0;
            for (u32 j = 0; j < terms; j++) sum += x[start[0] + u64(j) * stride];
        } else {
            for (u32 j = 0; j < terms; j++) {
                u32 at[1];
                along.places(j, at);
                sum += x[start[0] + at[0]];
            }
        }
        y[i] = Real(scale * sum);
    }
}
EXPORT(KERNEL(reduce_few))

// part[p, i], one of `gridDim.y` parts of the sum: a block of whole warps for each, `part` of one part is the sum.
extern "C" __global__ void __launch_bounds__(1024)
    KERNEL(reduce_many)(Real* y, double* part, const Real* x, double scale, u32 sums, u32 terms, Strided<1> kept, Strided<1> along) {
    __shared__ double scratch[33];
    const u32 each = (terms + gridDim.y - 1) / gridDim.y, from = blockIdx.y * each, to = min(from + each, terms);
    for (u32 i = blockIdx.x; i < sums; i += gridDim.x) {
        u32 start[1];
        kept.places(i, start);
        double sum = 0;
        for (u32 j = from + threadIdx.x; j < to; j += blockDim.x) {
            u32 at[1];
            along.places(j, at);
            sum += x[start[0] + at[0]];
        }
        sum = block_sum(sum, scratch);
        if (threadIdx.x == 0) {
            if (part == nullptr) y[i] = Real(scale * sum);
            else part[u64(blockIdx.y) * sums + i] = sum;
        }
    }
}
EXPORT(KERNEL(reduce_many))

// part[p, i], one of `gridDim.y` parts of the sum: a thread for each, so that neighbouring sums are read together.
extern "C" __global__ void __launch_bounds__(256)
    KERNEL(reduce_columns)(double* part, const Real* x, u32 sums, u32 terms, Strided<1> kept, Strided<1> along) {
    const u32 each = (terms + gridDim.y - 1) / gridDim.y, from = blockIdx.y * each, to = min(from + each, terms);
    for (u32 i = first_index(); i < sums; i += all_threads()) {
        u32 start[1];
        kept.places(i, start);
        double sum = 0;
        for (u32 j = from; j < to; j++) {
            u32 at[1];
            along.places(j, at);
            sum += x[start[0] + at[0]];
        }
        part[u64(blockIdx.y) * sums + i] = sum;
    }
}
EXPORT(KERNEL(reduce_columns))

// y[i] = scale Σ_p part[p, i]
extern "C" __global__ void __launch_bounds__(256)
    KERNEL(reduce_parts)(Real* y, const double* part, double scale, u32 sums, u32 parts) {
    for (u32 i = first_index(); i < sums; i += all_threads()) {
        double sum = 0;
        for (u32 p = 0; p < parts; p++) sum += part[u64(p) * sums + i];
        y[i] = Real(scale * sum);
    }
}
EXPORT(KERNEL(reduce_parts))
