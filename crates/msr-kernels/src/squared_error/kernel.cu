#include "kernel.cuh"

// Squared differences of each task: `a`, `b`, `y (tasks, size)`, `s (tasks)`. Differences, their squares and the sums are
// `double`; views are read in place, as `Strided<2>` of a and b says.
namespace {
HOST_DEVICE double square(Real a, Real b) {
    const double apart = double(a) - double(b);
    return apart * apart;
}
}  // namespace

// y[t] = scale Σ_j (a[t, j] − b[t, j])²; part[p, t], one of `gridDim.y` parts of it, when `part` is not null. A block
// of whole warps for each. In packs where all tasks lie at addresses for that.
extern "C" __global__ void __launch_bounds__(1024) KERNEL(squared_distance)(
    Real* y, double* part, const Real* a, const Real* b, double scale, u32 tasks, u32 size, u32 packs_of_task) {
    __shared__ double scratch[33];
    const u32 each = (packs_of_task + gridDim.y - 1) / gridDim.y, from = blockIdx.y * each;
    const u32 to = min(from + each, packs_of_task);
    for (u32 t = blockIdx.x; t < tasks; t += gridDim.x) {
        const Real *own_a = a + u64(t) * size, *own_b = b + u64(t) * size;
        double sum = 0;
        for (u32 i = from + threadIdx.x; i < to; i += blockDim.x) {
            const Reals left = reinterpret_cast<const Reals*>(own_a)[i], right = reinterpret_cast<const Reals*>(own_b)[i];
#pragma unroll
            for (u32 j = 0; j < PACK; j++) sum += square(left.at[j], right.at[j]);
        }
        // All there is where there are no packs.
        const u32 rest = size - packs_of_task * PACK, of_rest = (rest + gridDim.y - 1) / gridDim.y;
        const u32 first = packs_of_task * PACK + blockIdx.y * of_rest, end = min(first + of_rest, size);
        for (u32 i = first + threadIdx.x; i < end; i += blockDim.x) sum += square(own_a[i], own_b[i]);
        sum = block_sum(sum, scratch);
        if (threadIdx.x == 0) {
            if (part == nullptr) y[t] = Real(scale * sum);
            else part[u64(blockIdx.y) * tasks + t] = sum;
        }
    }
}
EXPORT(KERNEL(squared_distance))

// The same of views.
extern "C" __global__ void __launch_bounds__(1024) KERNEL(squared_distance_view)(
    Real* y, double* part, const Real* a, const Real* b, double scale, u32 tasks, u32 size, Strided<2> views) {
    __shared__ double scratch[33];
    const u32 each = (size + gridDim.y - 1) / gridDim.y, from = blockIdx.y * each, to = min(from + each, size);
    for (u32 t = blockIdx.x; t < tasks; t += gridDim.x) {
        double sum = 0;
        for (u32 i = from + threadIdx.x; i < to; i += blockDim.x) {
            u32 at[2];
            views.places(t * size + i, at);
            sum += square(a[at[0]], b[at[1]]);
        }
        sum = block_sum(sum, scratch);
        if (threadIdx.x == 0) {
            if (part == nullptr) y[t] = Real(scale * sum);
            else part[u64(blockIdx.y) * tasks + t] = sum;
        }
    }
}
EXPORT(KERNEL(squared_distance_view))

// y[t, j] = (a[t, j] − b[t, j]) scale s[t]: blocks along y for tasks. The factors are `stride` numbers apart.
extern "C" __global__ void __launch_bounds__(256) KERNEL(scaled_difference)(
    Real* y, const Real* a, const Real* b, const Real* s, double scale, u32 tasks, u32 size, u32 stride, u32 packs_of_task) {
    for (u32 t = blockIdx.y; t < tasks; t += gridDim.y) {
        const Real factor = s[u64(t) * stride] * Real(scale);
        const Real *own_a = a + u64(t) * size, *own_b = b + u64(t) * size;
        Real* own = y + u64(t) * size;
        for (u32 i = first_index(); i < packs_of_task; i += all_threads()) {
            const Reals left = reinterpret_cast<const Reals*>(own_a)[i], right = reinterpret_cast<const Reals*>(own_b)[i];
            Reals out;
#pragma unroll
            for (u32 j = 0; j < PACK; j++) out.at[j] = (left.at[j] - right.at[j]) * factor;
            reinterpret_cast<Reals*>(own)[i] = out;
        }
        for (u32 i = packs_of_task * PACK + first_index(); i < size; i += all_threads())
            own[i] = (own_a[i] - own_b[i]) * factor;
    }
}
EXPORT(KERNEL(scaled_difference))

// The same of views.
extern "C" __global__ void __launch_bounds__(256) KERNEL(scaled_difference_view)(
    Real* y, const Real* a, const Real* b, const Real* s, double scale, u32 tasks, u32 size, u32 stride, Strided<2> views) {
    for (u32 t = blockIdx.y; t < tasks; t += gridDim.y) {
        const Real factor = s[u64(t) * stride] * Real(scale);
        for (u32 i = first_index(); i < size; i += all_threads()) {
            u32 at[2];
            views.places(t * size + i, at);
            y[u64(t) * size + i] = (a[at[0]] - b[at[1]]) * factor;
        }
    }
}
EXPORT(KERNEL(scaled_difference_view))
