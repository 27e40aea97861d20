#include "many.cuh"

// A number for each tensor.
struct Numbers { u32 at[MOST_TENSORS]; };

// out = v − α g of each tensor, or −α g where there are no values, each from the place of its first chunk; zero between
// them. `rates` has a place for each tensor; values repeat after so many elements.
extern "C" __global__ void __launch_bounds__(256)
    KERNEL(inner_step)(Real* out, Tensors values, Tensors gradients, Tensors rates, Numbers periods, Batch batch) {
    u32 from, to;
    const u32 tensor = batch.tensor_of(blockIdx.x, from, to);
    const Real *v = values.at[tensor], *g = gradients.at[tensor], rate = *rates.at[tensor];
    out += u64(blockIdx.x) * CHUNK;
    for (u32 n = threadIdx.x; n < CHUNK; n += blockDim.x) {
        const u32 i = from + n;
        out[n] = i < to ? (v == nullptr ? Real(0) : v[i % periods.at[tensor]]) - rate * g[i] : Real(0);
    }
}
EXPORT(KERNEL(inner_step))

// part[block] = Σ g u over a block's elements.
extern "C" __global__ void __launch_bounds__(256)
    KERNEL(inner_step_dots)(double* part, Tensors gradients, Tensors cotangents, Batch batch) {
    __shared__ double scratch[33];
    u32 from, to;
    const u32 tensor = batch.tensor_of(blockIdx.x, from, to);
    double sum = 0;
    for (u32 i = from + threadIdx.x; i < to; i += blockDim.x) sum += double(gradients.at[tensor][i]) * cotangents.at[tensor][i];
    sum = block_sum(sum, scratch);
    if (threadIdx.x == 0) part[blockIdx.x] = sum;
}
EXPORT(KERNEL(inner_step_dots))

// out[rate] = −Σ of the parts above, over the tensors that have it: `of` are the numbers of their rates. A block for each
// rate.
extern "C" __global__ void __launch_bounds__(256) KERNEL(inner_step_rates)(Real* out, const double* part, Numbers of, Batch batch) {
    __shared__ double scratch[33];
    double sum = 0;
    for (u32 tensor = 0; tensor < batch.tensors; tensor++) {
        if (of.at[tensor] != blockIdx.x) continue;
        for (u32 i = batch.first_chunk(tensor) + threadIdx.x; i < batch.chunks[tensor]; i += blockDim.x) sum += part[i];
    }
    sum = block_sum(sum, scratch);
    if (threadIdx.x == 0) out[blockIdx.x] = Real(-sum);
}
EXPORT(KERNEL(inner_step_rates))
