#include "many.cuh"

// out = Σ x over tasks, of each tensor `(tasks, …)`, from the place of its first chunk; zero between them.
extern "C" __global__ void __launch_bounds__(256) KERNEL(sum_tasks)(Real* out, Tensors x, u32 tasks, Batch batch) {
    u32 from, to;
    const u32 tensor = batch.tensor_of(blockIdx.x, from, to), distance = batch.sizes[tensor];
    out += u64(blockIdx.x) * CHUNK;
    for (u32 n = threadIdx.x; n < CHUNK; n += blockDim.x) {
        double sum = 0;
        if (from + n < to) {
            for (u32 t = 0; t < tasks; t++) sum += x.at[tensor][t * distance + from + n];
        }
        out[n] = Real(sum);
    }
}
EXPORT(KERNEL(sum_tasks))
