#include "kernel.cuh"

// A step of Adam on up to MOST_TENSORS tensors at once. Blocks stand in a row over all tensors, each with CHUNK
// elements of one.
constexpr u32 MOST_TENSORS = 32, CHUNK = 4096;

// As `Batch` of Rust: `sizes` are numbers of elements, `chunks` of blocks up to and with each tensor.
struct Batch {
    u32 tensors;
    u32 sizes[MOST_TENSORS];
    u32 chunks[MOST_TENSORS];
};
struct Tensors { Real* at[MOST_TENSORS]; };
struct Factors { double at[MOST_TENSORS]; };

namespace {
// The tensor of a block, and where its elements begin.
HOST_DEVICE u32 tensor_of(const Batch& batch, u32 block, u32& from) {
    u32 tensor = 0;
    while (block >= batch.chunks[tensor]) tensor++;
    from = (block - (tensor > 0 ? batch.chunks[tensor - 1] : 0)) * CHUNK;
    return tensor;
}
}  // namespace

// part[block] = Σ g² over a block's elements.
extern "C" __global__ void __launch_bounds__(256) KERNEL(adam_squares)(double* part, Tensors gradients, Batch batch) {
    __shared__ double scratch[33];
    u32 from;
    const u32 tensor = tensor_of(batch, blockIdx.x, from), to = min(from + CHUNK, batch.sizes[tensor]);
    double sum = 0;
    for (u32 i = from + threadIdx.x; i < to; i += blockDim.x) {
        const double g = gradients.at[tensor][i];
        sum += g * g;
    }
    sum = block_sum(sum, scratch);
    if (threadIdx.x == 0) part[blockIdx.x] = sum;
}
EXPORT(KERNEL(adam_squares))

// squares[first + tensor] = Σ g² of each tensor: one block of 256 threads for each.
extern "C" __global__ void __launch_bounds__(256) KERNEL(adam_norms)(double* squares, const double* part, Batch batch) {
    __shared__ double scratch[33];
    const u32 tensor = blockIdx.x, from = tensor > 0 ? batch.chunks[tensor - 1] : 0;
    double sum = 0;
    for (u32 i = from + threadIdx.x; i < batch.chunks[tensor]; i += blockDim.x) sum += part[i];
    sum = block_sum(sum, scratch);
    if (threadIdx.x == 0) squares[tensor] = sum;
}
EXPORT(KERNEL(adam_norms))

// m ← β₁ m + (1 − β₁) c g, s ← β₂ s + (1 − β₂) (c g)², p ← p − first_scale m / (√(second_scale s) + ε), where c brings
// all gradients together to a norm of `longest`. Nothing, when one of `all` squares is no number or, with c², too large
// for the moments.
extern "C" __global__ void __launch_bounds__(256)
    KERNEL(adam_step)(Tensors parameters, Tensors firsts, Tensors seconds, Tensors gradients, Factors first_scales, const double* squares,
                      u32 all, double longest, double largest, double beta1, double beta2, double second_scale, double epsilon, Batch batch) {
    double total = 0, most = 0;
    bool fits = true;
    for (u32 i = 0; i < all; i++) {
        const double square = squares[i];
        fits = fits && square == square;
        total += square;
        most = square > most ? square : most;
    }
    const double norm = sqrt(total), c = longest > 0 && norm > longest ? longest / norm : 1;
    if (!fits || !(most * c * c <= largest)) return;
    u32 from;
    const u32 tensor = tensor_of(batch, blockIdx.x, from), to = min(from + CHUNK, batch.sizes[tensor]);
    const Real clip = Real(c), keep1 = Real(beta1), rest1 = Real(1 - beta1), keep2 = Real(beta2), rest2 = Real(1 - beta2);
    const Real a = Real(first_scales.at[tensor]), b = Real(second_scale), e = Real(epsilon);
    for (u32 i = from + threadIdx.x; i < to; i += blockDim.x) {
        const Real g = gradients.at[tensor][i] * clip;
        const Real m = keep1 * firsts.at[tensor][i] + rest1 * g, s = keep2 * seconds.at[tensor][i] + rest2 * (g * g);
        firsts.at[tensor][i] = m;
        seconds.at[tensor][i] = s;
        parameters.at[tensor][i] -= a * m / (sqrt(b * s) + e);
    }
}
EXPORT(KERNEL(adam_step))
