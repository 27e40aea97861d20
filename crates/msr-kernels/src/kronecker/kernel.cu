#include "kernel.cuh"

// W = (A ⊗ B ⊗ C) v of each filter: W[i, j, s] = Σ A[i, a] B[j, b] C[s, r] v[a, b, r].
//
// A block computes ROWS outputs of a filter. First it sums over a, reading all of v, and what it has then stays in
// shared memory, ROWS numbers side by side for each column (b, r): there are no intermediate results elsewhere.
namespace {
constexpr u32 ROWS = 2 * PACK;

struct Sizes {
    // From a filter of v to the next: zero when all are the same.
    u32 filters, outputs, inputs, taps, distance;
    // Whether the tensor of A, B, C lacks the identity; whether the transposed factors are meant.
    u32 beyond[3], transposed;

    HOST_DEVICE u32 row() const { return inputs * taps; }
    HOST_DEVICE u32 slabs() const { return (outputs + ROWS - 1) / ROWS; }
};

// A factor with `size` rows, and as many columns.
struct Factor {
    const Real* at;
    u32 down, across, beyond;

    HOST_DEVICE Factor(const Real* at, u32 size, bool beyond, bool transposed)
        : at(at), down(transposed ? 1 : size), across(transposed ? size : 1), beyond(beyond ? 1 : 0) {}
    HOST_DEVICE Real operator()(u32 row, u32 column) const {
        return at[row * down + column * across] + Real(row == column ? beyond : 0);
    }
};

struct Factors {
    Factor a, b, c;
    HOST_DEVICE Factors(const Real* a, const Real* b, const Real* c, const Sizes& of)
        : a(a, of.outputs, of.beyond[0], of.transposed), b(b, of.inputs, of.beyond[1], of.transposed),
          c(c, of.taps, of.beyond[2], of.transposed) {}
};

// ROWS numbers of a column.
struct alignas(16) Column {
    Real of[ROWS];
    HOST_DEVICE void clear() {
#pragma unroll
        for (u32 i = 0; i < ROWS; i++) of[i] = 0;
    }
    HOST_DEVICE void add(Real factor, const Column& other) {
#pragma unroll
        for (u32 i = 0; i < ROWS; i++) of[i] += factor * other.of[i];
    }
};

// rows[a] = A[first …, a], zero below the last row.
HOST_DEVICE void take_rows(Column* rows, const Factor& a, u32 first, u32 outputs) {
    for (u32 n = threadIdx.x; n < outputs * ROWS; n += blockDim.x) {
        const u32 row = first + n % ROWS, column = n / ROWS;
        rows[column].of[n % ROWS] = row < outputs ? a(row, column) : Real(0);
    }
}

// to[b, r] = Σ A[…, a] v[a, b, r]
HOST_DEVICE void by_outputs(Column* to, const Column* rows, const Real* v, u32 outputs, u32 row) {
    for (u32 q = threadIdx.x; q < row; q += blockDim.x) {
        Column sum;
        sum.clear();
#pragma unroll 4
        for (u32 a = 0; a < outputs; a++) sum.add(v[a * row + q], rows[a]);
        to[q] = sum;
    }
}

// to[j, r] = Σ B[j, b] from[b, r], or with B[b, j].
HOST_DEVICE void by_inputs(Column* to, const Column* from, const Factor& b, bool back, u32 inputs, u32 taps) {
    for (u32 q = threadIdx.x; q < inputs * taps; q += blockDim.x) {
        const u32 j = q / taps, r = q % taps;
        Column sum;
        sum.clear();
#pragma unroll 4
        for (u32 k = 0; k < inputs; k++) sum.add(back ? b(k, j) : b(j, k), from[k * taps + r]);
        to[q] = sum;
    }
}
}  // namespace

// w (filters, outputs, inputs, taps), as v. Shared memory: outputs + 2 inputs taps columns.
extern "C" __global__ void __launch_bounds__(256, 3)
    KERNEL(kronecker)(Real* w, const Real* a, const Real* b, const Real* c, const Real* v, Sizes sizes) {
    DYNAMIC_SHARED(Column, rows);
    const u32 row = sizes.row(), first = blockIdx.x * ROWS;
    Column *one = rows + sizes.outputs, *two = one + row;
    const Factors factors(a, b, c, sizes);
    take_rows(rows, factors.a, first, sizes.outputs);
    __syncthreads();
    for (u32 n = blockIdx.y; n < sizes.filters; n += gridDim.y) {
        const u32 start = n * sizes.outputs * row;
        by_outputs(one, rows, v + n * sizes.distance, sizes.outputs, row);
        __syncthreads();
        by_inputs(two, one, factors.b, false, sizes.inputs, sizes.taps);
        __syncthreads();
        for (u32 q = threadIdx.x; q < row; q += blockDim.x) {
            const u32 before = q - q % sizes.taps, s = q % sizes.taps;
            Column sum;
            sum.clear();
            for (u32 r = 0; r < sizes.taps; r++) sum.add(factors.c(s, r), two[before + r]);
#pragma unroll
            for (u32 i = 0; i < ROWS; i++) {
                if (first + i < sizes.outputs) w[start + (first + i) * row + q] = sum.of[i];
            }
        }
    }
}
EXPORT(KERNEL(kronecker))

// The parts of the gradients of Σ ⟨g, W⟩ by A, B and C. A block adds up ROWS outputs of every `gridDim.y`-th filter, and
// has a part (outputs ROWS, inputs², taps²) for them. Shared memory: outputs + 2 inputs taps columns.
extern "C" __global__ void __launch_bounds__(256, 3)
    KERNEL(kronecker_factors)(Real* part, const Real* a, const Real* b, const Real* c, const Real* v, const Real* g, Sizes sizes) {
    DYNAMIC_SHARED(Column, rows);
    const u32 outputs = sizes.outputs, inputs = sizes.inputs, taps = sizes.taps, row = sizes.row();
    const u32 first = blockIdx.x * ROWS, lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = blockDim.x / 32;
    const u32 own = min(outputs - first, ROWS);
    Column *one = rows + outputs, *two = one + row;
    const Factors factors(a, b, c, sizes);
    Real* of_a = part + (u64(blockIdx.y) * gridDim.x + blockIdx.x) * (outputs * ROWS + inputs * inputs + taps * taps);
    Real *of_b = of_a + outputs * ROWS, *of_c = of_b + inputs * inputs;
    take_rows(rows, factors.a, first, outputs);
    __syncthreads();
    for (u32 n = blockIdx.y; n < sizes.filters; n += gridDim.y) {
        const Real *filter = v + n * sizes.distance, *gradient = g + (n * outputs + first) * row;
        const bool is_first = n == blockIdx.y;
        by_outputs(one, rows, filter, outputs, row);
        __syncthreads();
        by_inputs(two, one, factors.b, false, inputs, taps);
        __syncthreads();
        // C: a thread for each of (s, r).
        for (u32 k = threadIdx.x; k < taps * taps; k += blockDim.x) {
            const u32 s = k / taps, r = k % taps;
            Real sum = 0;
            for (u32 j = 0; j < inputs; j++) {
#pragma unroll 1
                for (u32 i = 0; i < own; i++) sum += gradient[i * row + j * taps + s] * two[j * taps + r].of[i];
            }
            of_c[k] = is_first ? sum : of_c[k] + sum;
        }
        __syncthreads();
        // Back through C.
        for (u32 q = threadIdx.x; q < row; q += blockDim.x) {
            const u32 before = q - q % taps, r = q % taps;
            Column sum;
            sum.clear();
#pragma unroll 1
            for (u32 s = 0; s < taps; s++) {
                const Real factor = factors.c(s, r);
                for (u32 i = 0; i < ROWS; i++) {
                    if (i < own) sum.of[i] += factor * gradient[i * row + before + s];
                }
            }
            two[q] = sum;
        }
        __syncthreads();
        // B: a thread for each of (j, b).
        for (u32 k = threadIdx.x; k < inputs * inputs; k += blockDim.x) {
            const Column *left = two + k / inputs * taps, *right = one + k % inputs * taps;
            Real sum = 0;
#pragma unroll 2
            for (u32 r = 0; r < taps; r++) {
#pragma unroll
                for (u32 i = 0; i < ROWS; i++) sum += left[r].of[i] * right[r].of[i];
            }
            of_b[k] = is_first ? sum : of_b[k] + sum;
        }
        __syncthreads();
        // Back through B.
        by_inputs(one, two, factors.b, true, inputs, taps);
        __syncthreads();
        // A: a warp for each column.
        for (u32 k = warp; k < outputs; k += warps) {
            Column sum;
            sum.clear();
#pragma unroll 4
            for (u32 q = lane; q < row; q += 32) sum.add(filter[k * row + q], one[q]);
            // Each half of the lanes goes on with half of the numbers, down to one.
            u32 by = 16;
#pragma unroll
            for (u32 half = ROWS / 2; half > 0; half /= 2, by /= 2) {
                const bool upper = (lane & by) != 0;
#pragma unroll
                for (u32 i = 0; i < half; i++) {
                    const Real sent = upper ? sum.of[i] : sum.of[i + half];
                    sum.of[i] = (upper ? sum.of[i + half] : sum.of[i]) + __shfl_xor_sync(ALL_LANES, sent, by);
                }
            }
            for (; by > 0; by /= 2) sum.of[0] += __shfl_xor_sync(ALL_LANES, sum.of[0], by);
            const u32 place = k * ROWS + lane / (32 / ROWS);
            if (lane % (32 / ROWS) == 0) of_a[place] = is_first ? sum.of[0] : of_a[place] + sum.of[0];
        }
        __syncthreads();
    }
}
EXPORT(KERNEL(kronecker_factors))

// The gradients, from `parts` for each of the slabs above. A thread for each number.
extern "C" __global__ void __launch_bounds__(256)
    KERNEL(kronecker_sum)(Real* of_a, Real* of_b, Real* of_c, const Real* part, u32 parts, Sizes sizes) {
    const u32 all = sizes.outputs * sizes.outputs, squares = sizes.inputs * sizes.inputs, rest = sizes.taps * sizes.taps;
    const u32 slabs = sizes.slabs(), length = sizes.outputs * ROWS + squares + rest;
    for (u32 n = first_index(); n < all + squares + rest; n += all_threads()) {
        double sum = 0;
        if (n < all) {
            const u32 i = n / sizes.outputs, a = n % sizes.outputs;
            for (u32 k = 0; k < parts; k++) sum += part[(u64(k) * slabs + i / ROWS) * length + a * ROWS + i % ROWS];
            of_a[n] = Real(sum);
        } else {
            for (u32 k = 0; k < parts * slabs; k++) sum += part[u64(k) * length + sizes.outputs * ROWS + (n - all)];
            if (n < all + squares) of_b[n - all] = Real(sum);
            else of_c[n - all - squares] = Real(sum);
        }
    }
}
EXPORT(KERNEL(kronecker_sum))
