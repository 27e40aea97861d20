#include "kernel.cuh"

// X with A X = B by Cholesky's factorisation, in double precision: `a (batch, k, k)`, of which the lower triangle
// counts, `b (batch, k, r)`, `x (batch, k, r)`. A block for each matrix.
//
// failed[m] is zero; one when a number of matrix m or of its right side is not finite; two and more for a pivot, counted
// from zero, that is not above `smallest` of the diagonal. The triangle lies in shared memory when `factors` is null.
extern "C" __global__ void __launch_bounds__(256)
    KERNEL(solve_positive)(Real* x, u32* failed, double* factors, double* sides, const Real* a, const Real* b, double smallest, u32 k, u32 r) {
    DYNAMIC_SHARED(double, shared);
    __shared__ u32 problem;
    const u32 matrix = blockIdx.x, me = threadIdx.x, threads = blockDim.x;
    double* l = factors == nullptr ? shared : factors + u64(matrix) * k * k;
    double* s = sides + u64(matrix) * k * r;
    a += u64(matrix) * k * k, b += u64(matrix) * k * r, x += u64(matrix) * k * r;
    if (me == 0) problem = 0;
    __syncthreads();
    bool finite = true;
    for (u32 i = me; i < k * k; i += threads) l[i] = a[i], finite = finite && l[i] - l[i] == 0;
    for (u32 i = me; i < k * r; i += threads) s[i] = b[i], finite = finite && s[i] - s[i] == 0;
    // One lane of a warp speaks for all.
    u32 bad = finite ? 0 : 1;
    for (u32 by = 16; by > 0; by /= 2) bad = max(bad, __shfl_xor_sync(ALL_LANES, bad, by));
    for (u32 warp = 0; warp < threads / 32; warp++) {
        if (me == warp * 32 && bad != 0) problem = 1;
        __syncthreads();
    }
    for (u32 j = 0; j < k && problem == 0; j++) {
        const double pivot = l[j * k + j], diagonal = fabs(double(a[j * k + j]));
        // All threads read the same pivot, and leave together.
        if (!(pivot > smallest * diagonal)) {
            if (me == 0) failed[matrix] = 2 + j;
            for (u32 i = me; i < k * r; i += threads) x[i] = Real(0);
            return;
        }
        const double root = sqrt(pivot);
        __syncthreads();
        for (u32 i = j + me; i < k; i += threads) l[i * k + j] = i == j ? root : l[i * k + j] / root;
        __syncthreads();
        // A row for each warp, side by side.
        for (u32 i = j + 1 + me / 32; i < k; i += threads / 32) {
            const double factor = l[i * k + j];
            for (u32 c = j + 1 + me % 32; c <= i; c += 32) l[i * k + c] -= factor * l[c * k + j];
        }
        __syncthreads();
    }
    if (problem != 0) {
        if (me == 0) failed[matrix] = 1;
        for (u32 i = me; i < k * r; i += threads) x[i] = Real(0);
        return;
    }
    for (u32 j = 0; j < k; j++) {
        for (u32 c = me; c < r; c += threads) s[j * r + c] /= l[j * k + j];
        __syncthreads();
        for (u32 i = me; i < (k - j - 1) * r; i += threads) {
            const u32 row = j + 1 + i / r, c = i % r;
            s[row * r + c] -= l[row * k + j] * s[j * r + c];
        }
        __syncthreads();
    }
    for (u32 j = k; j-- > 0;) {
        for (u32 c = me; c < r; c += threads) s[j * r + c] /= l[j * k + j];
        __syncthreads();
        for (u32 i = me; i < j * r; i += threads) {
            const u32 row = i / r, c = i % r;
            s[row * r + c] -= l[j * k + row] * s[j * r + c];
        }
        __syncthreads();
    }
    for (u32 i = me; i < k * r; i += threads) x[i] = Real(s[i]);
    if (me == 0) failed[matrix] = 0;
}
EXPORT(KERNEL(solve_positive))
