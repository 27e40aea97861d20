#include "kernel.cuh"

// y[t, i] = x[t, parameter[i]]: `x (tasks, count)`, `y (tasks, elements)`.
//
// Grid: x over packs of elements, y over tasks; any size is right. A thread keeps its parameters in registers and
// walks over tasks. Packs need `elements` to be a multiple of PACK; without, they are of one element.
extern "C" __global__ void __launch_bounds__(256)
    KERNEL(ties_expand)(Real* y, const Real* x, const u32* parameter, u32 tasks, u32 elements, u32 count) {
    if (elements % PACK == 0) {
        for (u32 i = first_index(); i < elements / PACK; i += all_threads()) {
            const Indices at = reinterpret_cast<const Indices*>(parameter)[i];
            for (u32 t = blockIdx.y; t < tasks; t += gridDim.y) {
                const Real* row = x + u64(t) * count;
                Reals out;
#pragma unroll
                for (u32 j = 0; j < PACK; j++) out.at[j] = row[at.at[j]];
                reinterpret_cast<Reals*>(y + u64(t) * elements)[i] = out;
            }
        }
    } else {
        for (u32 i = first_index(); i < elements; i += all_threads()) {
            const u32 at = parameter[i];
            for (u32 t = blockIdx.y; t < tasks; t += gridDim.y) y[u64(t) * elements + i] = x[u64(t) * count + at];
        }
    }
}
EXPORT(KERNEL(ties_expand))

// y[t, p] = Σ_{starts[p] ≤ j < starts[p + 1]} x[t, order[j]]: `x (tasks, elements)`, `y (tasks, count)`. In `double`,
// and in an order that depends on the ties alone.
//
// A thread for each parameter, which walks over tasks: for few elements of a parameter.
extern "C" __global__ void __launch_bounds__(256)
    KERNEL(ties_sum_few)(Real* y, const Real* x, const u32* order, const u32* starts, u32 tasks, u32 elements, u32 count) {
    for (u32 p = first_index(); p < count; p += all_threads()) {
        const u32 from = starts[p], to = starts[p + 1];
        for (u32 t = blockIdx.y; t < tasks; t += gridDim.y) {
            const Real* row = x + u64(t) * elements;
            double sum = 0;
            for (u32 j = from; j < to; j++) sum += row[order[j]];
            y[u64(t) * count + p] = Real(sum);
        }
    }
}
EXPORT(KERNEL(ties_sum_few))

// The same, with a block of whole warps for each parameter.
extern "C" __global__ void __launch_bounds__(1024)
    KERNEL(ties_sum_many)(Real* y, const Real* x, const u32* order, const u32* starts, u32 tasks, u32 elements, u32 count) {
    __shared__ double scratch[33];
    const u32 p = blockIdx.x, from = starts[p], to = starts[p + 1];
    for (u32 t = blockIdx.y; t < tasks; t += gridDim.y) {
        const Real* row = x + u64(t) * elements;
        double sum = 0;
        for (u32 j = from + threadIdx.x; j < to; j += blockDim.x) sum += row[order[j]];
        sum = block_sum(sum, scratch);
        if (threadIdx.x == 0) y[u64(t) * count + p] = Real(sum);
    }
}
EXPORT(KERNEL(ties_sum_many))
