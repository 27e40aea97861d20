#include "kernel.cuh"

// Slices of contiguous `x (outer, n, inner)` by index, and their sums. An index that is too large names nothing: NaN is
// picked there, and nothing is added.

// y[o, j, i] = x[o, index[j], i]: `y (outer, k, inner)`, in packs of `inner` where both lie at addresses for that.
extern "C" __global__ void __launch_bounds__(256) KERNEL(index_select)(
    Real* y, const Real* x, const u32* index, u32 slices, u32 n, u32 k, u32 inner, u32 packs_of_slice) {
    const u32 width = packs_of_slice > 0 ? packs_of_slice : inner;
    for (u32 s = blockIdx.y; s < slices; s += gridDim.y) {
        const u32 o = s / k, from = index[s - o * k];
        const Real* slice = x + (u64(o) * n + (from < n ? from : 0)) * inner;
        Real* to = y + u64(s) * inner;
        for (u32 i = first_index(); i < width; i += all_threads()) {
            if (packs_of_slice > 0) {
                Reals pack = reinterpret_cast<const Reals*>(slice)[i];
                for (u32 j = 0; j < PACK && from >= n; j++) pack.at[j] = Real(NAN);
                reinterpret_cast<Reals*>(to)[i] = pack;
            } else {
                to[i] = from < n ? slice[i] : Real(NAN);
            }
        }
    }
}
EXPORT(KERNEL(index_select))

// The same for slices of few numbers: a thread for each number.
extern "C" __global__ void __launch_bounds__(256) KERNEL(index_select_narrow)(
    Real* y, const Real* x, const u32* index, u32 count, u32 n, u32 k, u32 inner) {
    for (u32 i = first_index(); i < count; i += all_threads()) {
        const u32 s = inner == 1 ? i : i / inner, o = s / k, from = index[s - o * k];
        y[i] = from < n ? x[(u64(o) * n + from) * inner + (i - s * inner)] : Real(NAN);
    }
}
EXPORT(KERNEL(index_select_narrow))

// y[o, c, i] = Σ_{j: index[j] = c} x[o, j, i]: `x (outer, k, inner)`, `y (outer, size, inner)`. A thread for each sum
// looks at all indices, which pass through shared memory: all of a block go through the loops together.
constexpr u32 TILE = 1024;
extern "C" __global__ void __launch_bounds__(256) KERNEL(index_add)(
    Real* y, const Real* x, const u32* index, u32 count, u32 size, u32 k, u32 inner) {
    __shared__ u32 names[TILE];
    for (u32 first = blockIdx.x * blockDim.x; first < count; first += all_threads()) {
        const u32 i = first + threadIdx.x, s = i / inner, o = s / size, c = s - o * size;
        const Real* own = x + u64(o) * k * inner + (i - s * inner);
        double sum = 0;
        for (u32 from = 0; from < k; from += TILE) {
            const u32 some = min(TILE, k - from);
            for (u32 j = threadIdx.x; j < some; j += blockDim.x) names[j] = index[from + j];
            __syncthreads();
            for (u32 j = 0; j < some && i < count; j++)
                if (names[j] == c) sum += own[u64(from + j) * inner];
            __syncthreads();
        }
        if (i < count) y[i] = Real(sum);
    }
}
EXPORT(KERNEL(index_add))
