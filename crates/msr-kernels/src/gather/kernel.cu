#include "kernel.cuh"

// Elements by index, and their sums: `index (rows, k)` and x are matrices with any strides. An index that is too large
// names nothing: NaN is picked there, and nothing is added.
namespace {
// As `strides` of `cuda.rs`: the distances of rows and of columns.
struct Strides2 { u32 row, column; };
}  // namespace

// y[r, j] = x[r, index[r, j]]: `x (rows, size)`, `y (rows, k)`.
extern "C" __global__ void __launch_bounds__(256) KERNEL(gather)(
    Real* y, const Real* x, const u32* index, u32 count, u32 k, u32 size, Strides2 of_x, Strides2 of_index) {
    for (u32 i = first_index(); i < count; i += all_threads()) {
        const u32 r = k == 1 ? i : i / k, j = i - r * k;
        const u32 from = index[u64(r) * of_index.row + u64(j) * of_index.column];
        y[i] = from < size ? x[u64(r) * of_x.row + u64(from) * of_x.column] : Real(NAN);
    }
}
EXPORT(KERNEL(gather))

// y[r, c] = Σ_{j: index[r, j] = c} x[r, j]: `x (rows, k)`, `y (rows, size)`. A thread for each sum looks at all indices
// of its row: for few of them.
extern "C" __global__ void __launch_bounds__(256) KERNEL(scatter_add_few)(
    Real* y, const Real* x, const u32* index, u32 count, u32 k, u32 size, Strides2 of_x, Strides2 of_index) {
    for (u32 i = first_index(); i < count; i += all_threads()) {
        const u32 r = i / size, c = i - r * size;
        const u32* names = index + u64(r) * of_index.row;
        const Real* row = x + u64(r) * of_x.row;
        double sum = 0;
        for (u32 j = 0; j < k; j++)
            if (names[u64(j) * of_index.column] == c) sum += row[u64(j) * of_x.column];
        y[i] = Real(sum);
    }
}
EXPORT(KERNEL(scatter_add_few))

// The same for many: a block for some sums of a row, and the indices pass through shared memory. Blocks along y for rows.
constexpr u32 TILE = 1024;
extern "C" __global__ void __launch_bounds__(256) KERNEL(scatter_add_many)(
    Real* y, const Real* x, const u32* index, u32 rows, u32 k, u32 size, Strides2 of_x, Strides2 of_index) {
    __shared__ u32 names[TILE];
    const u32 c = first_index();
    for (u32 r = blockIdx.y; r < rows; r += gridDim.y) {
        const Real* row = x + u64(r) * of_x.row;
        double sum = 0;
        for (u32 from = 0; from < k; from += TILE) {
            const u32 some = min(TILE, k - from);
            for (u32 j = threadIdx.x; j < some; j += blockDim.x)
                names[j] = index[u64(r) * of_index.row + u64(from + j) * of_index.column];
            __syncthreads();
            for (u32 j = 0; j < some; j++)
                if (names[j] == c) sum += row[u64(from + j) * of_x.column];
            __syncthreads();
        }
        if (c < size) y[u64(r) * size + c] = Real(sum);
    }
}
EXPORT(KERNEL(scatter_add_many))
