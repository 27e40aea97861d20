#include "kernel.cuh"

// Gradient steps on the squared error of a linear model, and their gradient: a block of whole warps for each task, all
// steps in one launch. `n` rows and `k` columns of a task's design matrix Φ, which is read where it lies; `before`,
// `slopes`, `along (t, steps, k)`, `errors`, `across (t, steps, n)`, all contiguous. Sums are `double`.
namespace {
// As `Matrix` of `cuda.rs`: a matrix for each task, with rows in any number of dimensions.
struct Matrix {
    u32 rows, columns, task, column;  // the sizes, and the distance of tasks and of columns
    Strided<1> row;

    HOST_DEVICE u32 place(u32 r) const {
        if (row.dims <= 1) return row.dims == 0 ? 0 : r * row.strides[0][0];
        u32 at[1];
        row.places(r, at);
        return at[0];
    }
};

// The numbers of a vector for each task, where they lie.
struct Vector { u32 task, stride; };

// Lanes that take a row together: a power of two.
HOST_DEVICE u32 lanes_of(u32 columns) {
    u32 lanes = 1;
    while (lanes < columns && lanes < 32) lanes *= 2;
    return lanes;
}

// out[r] = Σ_c Φ[r, c] v[c] − minus[r]; `minus` may be null. BY_COLUMNS: neighbouring rows lie side by side.
template <bool BY_COLUMNS>
HOST_DEVICE void times(Real* out, const Real* design, const Matrix& of, const Real* v, const Real* minus) {
    if (BY_COLUMNS) {
        for (u32 r = threadIdx.x; r < of.rows; r += blockDim.x) {
            const Real* row = design + of.place(r);
            double sum = minus == nullptr ? 0 : -double(minus[r]);
            for (u32 c = 0; c < of.columns; c++) sum += double(row[c * of.column]) * v[c];
            out[r] = Real(sum);
        }
        return;
    }
    const u32 lanes = lanes_of(of.columns), lane = threadIdx.x % lanes, groups = blockDim.x / lanes;
    for (u32 first = 0; first < of.rows; first += groups) {
        const u32 r = first + threadIdx.x / lanes;
        double sum = 0;
        if (r < of.rows) {
            const Real* row = design + of.place(r);
            for (u32 c = lane; c < of.columns; c += lanes) sum += double(row[c * of.column]) * v[c];
        }
        for (u32 by = lanes / 2; by > 0; by /= 2) sum += __shfl_xor_sync(ALL_LANES, sum, by);
        if (r < of.rows && lane == 0) out[r] = Real(minus == nullptr ? sum : sum - minus[r]);
    }
}

// then(c, Σ_r Φ[r, c] e[r]) for each column, in one thread. `scratch` has room for 32 numbers of each warp.
template <bool BY_COLUMNS, class Then>
HOST_DEVICE void transposed_times(const Real* design, const Matrix& of, const Real* e, double* scratch, Then then) {
    const u32 warp = threadIdx.x / 32, warps = blockDim.x / 32;
    if (BY_COLUMNS) {
        for (u32 c = warp; c < of.columns; c += warps) {
            double sum = 0;
            for (u32 r = threadIdx.x % 32; r < of.rows; r += 32) sum += double(design[of.place(r) + c * of.column]) * e[r];
            for (u32 by = 16; by > 0; by /= 2) sum += __shfl_xor_sync(ALL_LANES, sum, by);
            if (threadIdx.x % 32 == 0) then(c, sum);
        }
        return;
    }
    const u32 lanes = lanes_of(of.columns), lane = threadIdx.x % lanes, groups = blockDim.x / lanes;
    for (u32 first = 0; first < of.columns; first += lanes) {
        const u32 c = first + lane;
        double sum = 0;
        if (c < of.columns)
            for (u32 r = threadIdx.x / lanes; r < of.rows; r += groups)
                sum += double(design[of.place(r) + c * of.column]) * e[r];
        for (u32 by = 16; by >= lanes; by /= 2) sum += __shfl_xor_sync(ALL_LANES, sum, by);
        if (threadIdx.x % 32 < lanes) scratch[warp * 32 + lane] = sum;
        __syncthreads();
        if (threadIdx.x < lanes && c < of.columns) {
            for (u32 w = 1; w < warps; w++) sum += scratch[w * 32 + lane];
            then(c, sum);
        }
        __syncthreads();
    }
}

// v ← v − α ∘ slope · scale.
struct Step {
    Real *slopes, *next;
    const Real *v, *rate;
    u32 stride;
    Real scale;
    HOST_DEVICE void operator()(u32 c, double sum) const {
        const Real slope = Real(sum);
        slopes[c] = slope;
        next[c] = v[c] - rate[c * stride] * scale * slope;
    }
};

// λ ← λ − ΦᵀΦ u.
struct Back {
    Real* lambda;
    HOST_DEVICE void operator()(u32 c, double sum) const { lambda[c] -= Real(sum); }
};

template <bool BY_COLUMNS>
HOST_DEVICE void descend(
    Real* after, Real* before, Real* errors, Real* slopes, const Real* design, const Real* targets, const Real* start,
    const Real* rate, u32 steps, Matrix of, Vector from, u32 rate_stride, double* scratch) {
    const u32 t = blockIdx.x, n = of.rows, k = of.columns;
    design += u64(t) * of.task, targets += u64(t) * n, start += u64(t) * from.task, after += u64(t) * k;
    before += u64(t) * steps * k, slopes += u64(t) * steps * k, errors += u64(t) * steps * n;
    Real* first = steps == 0 ? after : before;
    for (u32 c = threadIdx.x; c < k; c += blockDim.x) first[c] = start[c * from.stride];
    __syncthreads();
    for (u32 s = 0; s < steps; s++) {
        const Real* v = before + s * k;
        Real *e = errors + s * n, *next = s + 1 < steps ? before + (s + 1) * k : after;
        times<BY_COLUMNS>(e, design, of, v, targets);
        __syncthreads();
        const Step step{slopes + s * k, next, v, rate, rate_stride, Real(2.0 / n)};
        transposed_times<BY_COLUMNS>(design, of, e, scratch, step);
        __syncthreads();
    }
}

template <bool BY_COLUMNS>
HOST_DEVICE void gradient(
    Real* by_design, Real* by_start, Real* by_rate, Real* along, Real* across, const Real* design, const Real* rate,
    const Real* before, const Real* errors, const Real* slopes, const Real* g, u32 steps, Matrix of, Vector from,
    u32 rate_stride, Matrix to, double* scratch) {
    const u32 t = blockIdx.x, n = of.rows, k = of.columns;
    design += u64(t) * of.task, by_design += u64(t) * to.task, g += u64(t) * from.task;
    Real *lambda = by_start + u64(t) * k, *sums = by_rate + u64(t) * k;
    before += u64(t) * steps * k, slopes += u64(t) * steps * k, errors += u64(t) * steps * n;
    along += u64(t) * steps * k, across += u64(t) * steps * n;
    const Real scale = Real(2.0 / n);
    for (u32 c = threadIdx.x; c < k; c += blockDim.x) lambda[c] = g[c * from.stride], sums[c] = 0;
    __syncthreads();
    for (u32 s = steps; s-- > 0;) {
        Real *u = along + s * k, *image = across + s * n;
        for (u32 c = threadIdx.x; c < k; c += blockDim.x) {
            const Real step = scale * lambda[c];
            sums[c] -= slopes[s * k + c] * step;
            u[c] = rate[c * rate_stride] * step;
        }
        __syncthreads();
        times<BY_COLUMNS>(image, design, of, u, nullptr);
        __syncthreads();
        transposed_times<BY_COLUMNS>(design, of, image, scratch, Back{lambda});
        __syncthreads();
    }
    const u32 lanes = BY_COLUMNS ? 1 : lanes_of(k);
    for (u32 r = threadIdx.x / lanes; r < n; r += blockDim.x / lanes) {
        Real* row = by_design + to.place(r);
        for (u32 c = threadIdx.x % lanes; c < k; c += lanes) {
            double sum = 0;
            for (u32 s = 0; s < steps; s++) {
                sum -= double(errors[s * n + r]) * along[s * k + c];
                sum -= double(across[s * n + r]) * before[s * k + c];
            }
            row[c * to.column] = Real(sum);
        }
    }
}
}  // namespace

// after = v of the last of the steps v_{s+1} = v_s − α ∘ (2 / n) Φᵀ (Φ v_s − y) from v₀ = start, and on the way: v_s
// `before`, Φ v_s − y `errors`, Φᵀ (Φ v_s − y) `slopes`. `targets (t, n)` are contiguous.
extern "C" __global__ void __launch_bounds__(512) KERNEL(descent_steps)(
    Real* after, Real* before, Real* errors, Real* slopes, const Real* design, const Real* targets, const Real* start,
    const Real* rate, u32 steps, u32 by_columns, Matrix of, Vector from, u32 rate_stride) {
    __shared__ double scratch[512];
    if (by_columns)
        descend<true>(after, before, errors, slopes, design, targets, start, rate, steps, of, from, rate_stride, scratch);
    else descend<false>(after, before, errors, slopes, design, targets, start, rate, steps, of, from, rate_stride, scratch);
}
EXPORT(KERNEL(descent_steps))

// With λ = g at the end, each step backwards: u = (2 / n) α ∘ λ `along`, Φ u `across`, by_rate[t] = −(2 / n) Σ_s slopes ∘
// λ of each task, λ ← λ − ΦᵀΦ u, at last by_start; and by_design = −Σ_s (e_s u_sᵀ + Φ u_s v_sᵀ), which lies as `to` says.
extern "C" __global__ void __launch_bounds__(512) KERNEL(descent_gradient)(
    Real* by_design, Real* by_start, Real* by_rate, Real* along, Real* across, const Real* design, const Real* rate,
    const Real* before, const Real* errors, const Real* slopes, const Real* g, u32 steps, u32 by_columns, Matrix of,
    Vector from, u32 rate_stride, Matrix to) {
    __shared__ double scratch[512];
    if (by_columns)
        gradient<true>(by_design, by_start, by_rate, along, across, design, rate, before, errors, slopes, g, steps, of, from,
                       rate_stride, to, scratch);
    else
        gradient<false>(by_design, by_start, by_rate, along, across, design, rate, before, errors, slopes, g, steps, of, from,
                        rate_stride, to, scratch);
}
EXPORT(KERNEL(descent_gradient))
