#include "kernel.cuh"

// Batch normalisation, ReLU and max-pool, with first and second derivatives: a block of whole warps for each channel of a
// task. Channels are planes: `y`, `dy`, `a`, `ddy (t, b, o, h, w)`, `z`, `g`, `index`, `best`, `ddz (t, b, o, oh, ow)`,
// `mean`, `scale`, `dgamma`, `dbeta (t, o)`, all contiguous. Sums are `double`.
namespace {
constexpr u32 MOST_THREADS = 2048 / sizeof(Real);  // with more, double precision has too few registers
constexpr u8 NONE = 255;  // the index where the ReLU leaves nothing

// As `Images` of `cuda.rs`.
struct Images {
    u32 examples, channels, height, width;
    u32 side;           // of a window: 1 or 2
    u32 strides[3][2];  // of vectors (t, o) that are given
};

struct alignas(2 * sizeof(Real)) Pair { Real at[2]; };
struct alignas(PACK) Bytes { u8 at[PACK]; };

// Where a channel lies in images and in results, and its vectors.
struct Channel {
    u32 task, number;
    u64 pixels, windows;  // the first
    u32 image, result;    // the distance of examples
    u32 rows, columns;    // of windows

    HOST_DEVICE Channel(const Images& of) {
        task = blockIdx.x / of.channels, number = blockIdx.x % of.channels;
        rows = of.height / of.side, columns = of.width / of.side;
        const u32 plane = of.height * of.width, pooled = rows * columns;
        const u64 first = u64(task) * of.examples * of.channels + number;
        pixels = first * plane, windows = first * pooled;
        image = of.channels * plane, result = of.channels * pooled;
    }

    HOST_DEVICE u64 vector(const Images& of, u32 which) const {
        return u64(task) * of.strides[which][0] + u64(number) * of.strides[which][1];
    }
};

// The places of a thread on the way of its block through all examples, row by row; without divisions once it has begun.
struct Walk {
    u32 rows, columns, image, row, column, by_image, by_row, by_column;

    HOST_DEVICE Walk(u32 rows, u32 columns) : rows(rows), columns(columns) {
        const u32 plane = rows * columns, rest = threadIdx.x % plane, by_rest = blockDim.x % plane;
        image = threadIdx.x / plane, row = rest / columns, column = rest % columns;
        by_image = blockDim.x / plane, by_row = by_rest / columns, by_column = by_rest % columns;
    }

    HOST_DEVICE void next() {
        column += by_column, row += by_row, image += by_image;
        if (column >= columns) column -= columns, row++;
        if (row >= rows) row -= rows, image++;
    }
};

// The sums of x − shift and of its square, in packs where planes lie at addresses for that.
HOST_DEVICE void squares(const Real* y, const Images& of, u32 image, double shift, double& sum, double& square) {
    const u32 plane = of.height * of.width;
    if (plane % PACK == 0 && is_packed(y)) {
        for (Walk at(1, plane / PACK); at.image < of.examples; at.next()) {
            const Reals x = reinterpret_cast<const Reals*>(y + at.image * image)[at.column];
#pragma unroll
            for (u32 j = 0; j < PACK; j++) {
                const double apart = x.at[j] - shift;
                sum += apart, square += apart * apart;
            }
        }
    } else {
        for (Walk at(1, plane); at.image < of.examples; at.next()) {
            const double apart = y[at.image * image + at.column] - shift;
            sum += apart, square += apart * apart;
        }
    }
}

// What is added to a pixel, and by which factors.
struct Linear { Real of_g, of_a, dense, slope; };

// Which result a pixel belongs to, and its number in the window of that.
struct Place {
    bool inside;
    u32 window, number;

    HOST_DEVICE Place(const Images& of, const Channel& own, u32 image, u32 row, u32 column) {
        const u32 shift = of.side - 1, i = row >> shift, j = column >> shift;
        inside = i < own.rows && j < own.columns;
        window = inside ? image * own.result + i * own.columns + j : 0;
        number = (row & shift) * 2 + (column & shift);
    }
};

// dy = g where a pixel is the chosen one, by a factor, and a part that is linear in y − μ. Backwards through the
// examples: the last ones are still in the cache. EACH pixels of a row at once.
template <u32 EACH>
HOST_DEVICE void gradients(
    Real* dy, const Real* y, const u8* index, const Real* g, const Images& of, const Channel& own, Real mean, Linear factors) {
    struct alignas(EACH * sizeof(Real)) Some { Real at[EACH]; };
    for (Walk at(of.height, of.width / EACH); at.image < of.examples; at.next()) {
        const u32 image = of.examples - 1 - at.image;
        const u32 pixel = image * own.image + at.row * of.width + at.column * EACH;
        const Some x = *reinterpret_cast<const Some*>(y + pixel);
        Some out;
#pragma unroll
        for (u32 j = 0; j < EACH; j++) {
            const Place place(of, own, image, at.row, at.column * EACH + j);
            const bool chosen = place.inside && index[place.window] == place.number;
            out.at[j] = (chosen ? g[place.window] * factors.of_g : Real(0)) + factors.dense + factors.slope * (x.at[j] - mean);
        }
        *reinterpret_cast<Some*>(dy + pixel) = out;
    }
}

// Sums over the pixels of a channel, for the second derivative.
struct Sums { double g = 0, g_normal = 0, a = 0, a_apart = 0, a_g = 0; };

template <u32 EACH>
HOST_DEVICE Sums cotangent_sums(
    const Real* y, const Real* a, const u8* index, const Real* g, const Images& of, const Channel& own, Real mean, Real scale) {
    struct alignas(EACH * sizeof(Real)) Some { Real at[EACH]; };
    Sums sums;
    for (Walk at(of.height, of.width / EACH); at.image < of.examples; at.next()) {
        const u32 pixel = at.image * own.image + at.row * of.width + at.column * EACH;
        const Some x = *reinterpret_cast<const Some*>(y + pixel);
        Some given{};
        if (a != nullptr) given = *reinterpret_cast<const Some*>(a + pixel);
#pragma unroll
        for (u32 j = 0; j < EACH; j++) {
            const Real apart = x.at[j] - mean;
            sums.a += given.at[j], sums.a_apart += double(given.at[j]) * apart;
            const Place place(of, own, at.image, at.row, at.column * EACH + j);
            if (place.inside && index[place.window] == place.number) {
                const double there = g[place.window];
                sums.g += there, sums.g_normal += there * (apart * scale), sums.a_g += there * given.at[j];
            }
        }
    }
    return sums;
}

// ddy at each pixel; ddz at the one that was chosen, or at the first of a window without one. Returns the thread's part of
// q = Σ g (a − centre − tilt ŷ), which is not a difference of sums.
template <u32 EACH>
HOST_DEVICE double second_gradients(
    Real* ddy, Real* ddz, const Real* y, const Real* a, const u8* index, const Real* g, const Images& of, const Channel& own,
    Real mean, Real scale, Linear pixels, Linear results, double centre, double tilt) {
    struct alignas(EACH * sizeof(Real)) Some { Real at[EACH]; };
    double q = 0;
    for (Walk at(of.height, of.width / EACH); at.image < of.examples; at.next()) {
        const u32 image = of.examples - 1 - at.image;
        const u32 pixel = image * own.image + at.row * of.width + at.column * EACH;
        const Some x = *reinterpret_cast<const Some*>(y + pixel);
        Some given{}, out;
        if (a != nullptr) given = *reinterpret_cast<const Some*>(a + pixel);
#pragma unroll
        for (u32 j = 0; j < EACH; j++) {
            const Real apart = x.at[j] - mean;
            const Place place(of, own, image, at.row, at.column * EACH + j);
            const u8 choice = place.inside ? index[place.window] : NONE;
            const bool chosen = place.inside && choice == place.number;
            const Real there = chosen ? g[place.window] : Real(0), normal = apart * scale;
            out.at[j] = there * pixels.of_g + given.at[j] * pixels.of_a + pixels.dense + pixels.slope * apart;
            if (chosen) {
                ddz[place.window] = given.at[j] * results.of_a + results.dense + normal * results.slope;
                q += there * (given.at[j] - centre - normal * tilt);
            } else if (place.inside && choice == NONE && place.number == 0) {
                ddz[place.window] = 0;
            }
        }
        *reinterpret_cast<Some*>(ddy + pixel) = out;
    }
    return q;
}
}  // namespace

// mean = μ, scale = r = (σ² + ε)^−½, and for each window z = max(0, γ ŷ + β) of the pixel where that is largest, its
// number `index` and its ŷ = (y − μ) r `best`. The variance is about a number near the mean: that of the first pixels.
extern "C" __global__ void __launch_bounds__(MOST_THREADS) KERNEL(norm_relu_pool)(
    Real* z, Real* means, Real* scales, u8* index, Real* best, const Real* y, const Real* gammas, const Real* betas,
    double epsilon, Images of) {
    __shared__ double scratch[33];
    const Channel own(of);
    const u32 plane = of.height * of.width, all = of.examples * plane;
    y += own.pixels, z += own.windows, index += own.windows, best += own.windows;
    const u32 few = min(all, blockDim.x);
    const double some = threadIdx.x < few ? y[threadIdx.x / plane * own.image + threadIdx.x % plane] : Real(0);
    const double shift = block_sum(some, scratch) / few;
    double sum = 0, square = 0;
    squares(y, of, own.image, shift, sum, square);
    sum = block_sum(sum, scratch) / all, square = block_sum(square, scratch) / all - sum * sum;
    const Real mean = Real(shift + sum), scale = Real(1 / sqrt((square < 0 ? 0 : square) + epsilon));
    if (threadIdx.x == 0) means[blockIdx.x] = mean, scales[blockIdx.x] = scale;
    const Real gamma = gammas[own.vector(of, 0)], beta = betas[own.vector(of, 1)];
    const bool pairs = of.side == 2 && of.width % 2 == 0 && is_packed(y - own.pixels);
    for (Walk at(own.rows, own.columns); at.image < of.examples; at.next()) {
        const u32 image = of.examples - 1 - at.image;
        const Real* from = y + image * own.image + at.row * of.side * of.width + at.column * of.side;
        Real x[4];
        if (pairs) {
            const Pair above = *reinterpret_cast<const Pair*>(from), below = *reinterpret_cast<const Pair*>(from + of.width);
            x[0] = above.at[0], x[1] = above.at[1], x[2] = below.at[0], x[3] = below.at[1];
        } else if (of.side == 2) {
            x[0] = from[0], x[1] = from[1], x[2] = from[of.width], x[3] = from[of.width + 1];
        } else {
            x[0] = x[1] = x[2] = x[3] = from[0];
        }
        Real normal = (x[0] - mean) * scale, largest = normal * gamma + beta;
        u8 chosen = 0;
#pragma unroll
        for (u32 number = 1; number < 4; number++) {
            const Real other = (x[number] - mean) * scale, value = other * gamma + beta;
            // Of NaN and a number, NaN. The first of equals, and so of a window of one pixel.
            if (value > largest || (value != value && of.side == 2)) chosen = number, normal = other, largest = value;
        }
        const u32 to = image * own.result + at.row * own.columns + at.column;
        const bool off = largest <= 0;
        z[to] = off ? Real(0) : largest;
        index[to] = off ? NONE : chosen;
        best[to] = normal;
    }
}
EXPORT(KERNEL(norm_relu_pool))

// With g₀ = Σ g, g₁ = Σ g ŷ over the windows that have something: dγ = g₁, dβ = g₀, and at each pixel, of N, dy = γ r
// (g − g₀ / N − ŷ g₁ / N), g being zero where a pixel was not chosen.
extern "C" __global__ void __launch_bounds__(MOST_THREADS) KERNEL(norm_relu_pool_grad)(
    Real* dy, Real* dgamma, Real* dbeta, const Real* y, const Real* gammas, const Real* means, const Real* scales,
    const u8* index, const Real* best, const Real* g, Images of) {
    __shared__ double scratch[33];
    const Channel own(of);
    const bool pairs = of.width % 2 == 0 && is_packed(y);
    y += own.pixels, dy += own.pixels, index += own.windows, best += own.windows, g += own.windows;
    const u32 pooled = own.rows * own.columns;
    double g0 = 0, g1 = 0;
    if (pooled % PACK == 0 && is_packed(g)) {
        for (Walk at(1, pooled / PACK); at.image < of.examples; at.next()) {
            const u32 window = at.image * own.result;
            const Reals there = reinterpret_cast<const Reals*>(g + window)[at.column];
            const Reals normal = reinterpret_cast<const Reals*>(best + window)[at.column];
            const Bytes choice = reinterpret_cast<const Bytes*>(index + window)[at.column];
#pragma unroll
            for (u32 j = 0; j < PACK; j++)
                if (choice.at[j] != NONE) g0 += there.at[j], g1 += double(there.at[j]) * normal.at[j];
        }
    } else {
        for (Walk at(1, pooled); at.image < of.examples; at.next()) {
            const u32 window = at.image * own.result + at.column;
            if (index[window] != NONE) g0 += g[window], g1 += double(g[window]) * best[window];
        }
    }
    g0 = block_sum(g0, scratch), g1 = block_sum(g1, scratch);
    const double per = 1 / (double(of.examples) * of.height * of.width), r = scales[blockIdx.x];
    const double factor = gammas[own.vector(of, 0)] * r;
    if (threadIdx.x == 0) dgamma[blockIdx.x] = Real(g1), dbeta[blockIdx.x] = Real(g0);
    const Linear factors{Real(factor), 0, Real(-factor * g0 * per), Real(-factor * r * g1 * per)};
    if (pairs) gradients<2>(dy, y, index, g, of, own, means[blockIdx.x], factors);
    else gradients<1>(dy, y, index, g, of, own, means[blockIdx.x], factors);
}
EXPORT(KERNEL(norm_relu_pool_grad))

// The vector–Jacobian product of the gradients, with the formulas of `second.rs`: ddy, dgamma and ddz. `a`, `by_gammas`
// and `by_betas`, the cotangents of dy, dγ and dβ, are zero when they are null.
extern "C" __global__ void __launch_bounds__(MOST_THREADS) KERNEL(norm_relu_pool_second)(
    Real* ddy, Real* dgamma, Real* ddz, const Real* y, const Real* gammas, const Real* means, const Real* scales,
    const u8* index, const Real* g, const Real* a, const Real* by_gammas, const Real* by_betas, Images of) {
    __shared__ double scratch[33];
    const Channel own(of);
    const bool pairs = of.width % 2 == 0 && is_packed(y) && (a == nullptr || is_packed(a));
    y += own.pixels, ddy += own.pixels, index += own.windows, g += own.windows, ddz += own.windows;
    if (a != nullptr) a += own.pixels;
    const Real mean = means[blockIdx.x], scale = scales[blockIdx.x];
    Sums sums = pairs ? cotangent_sums<2>(y, a, index, g, of, own, mean, scale)
                      : cotangent_sums<1>(y, a, index, g, of, own, mean, scale);
    const double g0 = block_sum(sums.g, scratch), g1 = block_sum(sums.g_normal, scratch);
    const double a0 = block_sum(sums.a, scratch), a1 = block_sum(sums.a_apart, scratch) * scale;
    const double ag = block_sum(sums.a_g, scratch), per = 1 / (double(of.examples) * of.height * of.width);
    const double r = scale, k = gammas[own.vector(of, 0)] * r;
    const double cg = by_gammas == nullptr ? Real(0) : by_gammas[own.vector(of, 1)];
    const double cb = by_betas == nullptr ? Real(0) : by_betas[own.vector(of, 2)];
    const double q = ag - (a0 * g0 + a1 * g1) * per;
    const double e0 = -k * (g1 * a0 + a1 * g0) * per + cg * g0, e1 = -2 * k * a1 * g1 * per + cg * g1;
    const Linear pixels{
        Real(r * (cg - k * a1 * per)), Real(-r * k * g1 * per), Real(-r * e0 * per), Real(-r * r * (e1 + k * q) * per)};
    const Linear results{0, Real(k), Real(-k * a0 * per + cb), Real(-k * a1 * per + cg)};
    const double centre = a0 * per, tilt = a1 * per;
    double exact = pairs ? second_gradients<2>(ddy, ddz, y, a, index, g, of, own, mean, scale, pixels, results, centre, tilt)
                         : second_gradients<1>(ddy, ddz, y, a, index, g, of, own, mean, scale, pixels, results, centre, tilt);
    exact = block_sum(exact, scratch);
    if (threadIdx.x == 0) dgamma[blockIdx.x] = Real(r * exact);
}
EXPORT(KERNEL(norm_relu_pool_second))
