#include "kernel.cuh"

// Functions of one and two numbers. The numbers of the functions are those of `cuda.rs`.
namespace {
// Where SiLU and GELU are flat in every digit: zero times infinity is not formed.
constexpr Real FLAT = 800;
// 2 √(2 / π), 0.044715 of that, 1 / √(2π), 1 / √2
constexpr Real GELU_LINEAR = Real(1.5957691216057307117597842397375);
constexpr Real GELU_CUBIC = Real(0.044715 * 1.5957691216057307117597842397375);
constexpr Real INVERSE_SQRT_TAU = Real(0.39894228040143267793994605993438);
constexpr Real SQRT_HALF = Real(0.70710678118654752440084436210485);

HOST_DEVICE Real not_below(Real x, Real least) { return x < least ? least : x; }
HOST_DEVICE Real near(Real x) { return x < -FLAT ? -FLAT : x > FLAT ? FLAT : x; }
HOST_DEVICE Real sigmoid(Real x) {
    const Real e = exp(-fabs(x)), share = 1 / (1 + e);
    return x < 0 ? e * share : share;
}
HOST_DEVICE Real sigmoid_slope(Real x) {
    const Real e = exp(-fabs(x));
    return e / ((1 + e) * (1 + e));
}
HOST_DEVICE Real gelu_argument(Real x) { return x * (GELU_LINEAR + GELU_CUBIC * x * x); }
HOST_DEVICE Real normal_cdf(Real x) { return Real(0.5) * erfc(-x * SQRT_HALF); }

HOST_DEVICE Real of_one(u32 f, Real x, Real a, Real b) {
    switch (f) {
        case 0: return x;
        case 1: return x * a + b;
        case 2: return x < 0 ? Real(0) : x;
        case 3: return exp(x);
        case 4: return log(x);
        case 5: return sqrt(x);
        case 6: return 1 / x;
        case 7: return pow(x, a);
        case 8: return sin(x);
        case 9: return cos(x);
        case 10: return tanh(x);
        case 11: return 4 * sigmoid_slope(2 * x);
        case 12: return sigmoid(x);
        case 13: return (x < 0 ? Real(0) : x) + log1p(exp(-fabs(x)));
        case 14: return fabs(x);
        case 15: return x > 0 ? Real(1) : x < 0 ? Real(-1) : x * 0;
        case 16: return erf(x);
        case 17: return exp(-x * x);
        case 18: return not_below(x, -FLAT) * sigmoid(x);
        case 19: return sigmoid(x) + near(x) * sigmoid_slope(x);
        case 20: return not_below(x, -FLAT) * sigmoid(gelu_argument(near(x)));
        case 21: {
            const Real n = near(x), v = gelu_argument(n), slope = GELU_LINEAR + 3 * GELU_CUBIC * n * n;
            return sigmoid(v) + n * slope * sigmoid_slope(v);
        }
        case 22: return not_below(x, -FLAT) * normal_cdf(x);
        case 23: {
            const Real n = near(x);
            return normal_cdf(x) + n * (exp(Real(-0.5) * n * n) * INVERSE_SQRT_TAU);
        }
        case 24: return x > 0 ? x : a * expm1(x);
        default: return x > 0 ? Real(1) : a * exp(x);
    }
}

HOST_DEVICE Real of_two(u32 f, Real a, Real b) {
    switch (f) {
        case 0: return a + b;
        case 1: return a - b;
        case 2: return a * b;
        case 3: return a / b;
        case 4: return b > 0 ? a : b <= 0 ? Real(0) : b;
        case 5: return b == 0 ? Real(0) : a * b;
        case 6: return a > b ? a : b >= a ? b : a + b;
        case 7: return a < b ? a : b <= a ? b : a + b;
        case 8: return a > b ? Real(1) : a < b ? Real(0) : a == b ? Real(0.5) : a + b;
        default: return pow(a, b);
    }
}
}  // namespace

// y[i] = f(x[i]): contiguous. In packs where both lie at addresses for that.
extern "C" __global__ void __launch_bounds__(256)
    KERNEL(elementwise_unary)(Real* y, const Real* x, u32 f, double a, double b, u32 count) {
    const u32 packs = is_packed(y) && is_packed(x) ? count / PACK : 0;
    for (u32 i = first_index(); i < packs; i += all_threads()) {
        const Reals in = reinterpret_cast<const Reals*>(x)[i];
        Reals out;
#pragma unroll
        for (u32 j = 0; j < PACK; j++) out.at[j] = of_one(f, in.at[j], Real(a), Real(b));
        reinterpret_cast<Reals*>(y)[i] = out;
    }
    for (u32 i = packs * PACK + first_index(); i < count; i += all_threads()) y[i] = of_one(f, x[i], Real(a), Real(b));
}
EXPORT(KERNEL(elementwise_unary))

// The same of a view.
extern "C" __global__ void __launch_bounds__(256)
    KERNEL(elementwise_unary_view)(Real* y, const Real* x, u32 f, double a, double b, u32 count, Strided<1> view) {
    for (u32 i = first_index(); i < count; i += all_threads()) {
        u32 at[1];
        view.places(i, at);
        y[i] = of_one(f, x[at[0]], Real(a), Real(b));
    }
}
EXPORT(KERNEL(elementwise_unary_view))

// y[i] = a[i] ∘ b[i]: contiguous.
extern "C" __global__ void __launch_bounds__(256)
    KERNEL(elementwise_binary)(Real* y, const Real* a, const Real* b, u32 f, u32 count) {
    const u32 packs = is_packed(y) && is_packed(a) && is_packed(b) ? count / PACK : 0;
    for (u32 i = first_index(); i < packs; i += all_threads()) {
        const Reals left = reinterpret_cast<const Reals*>(a)[i], right = reinterpret_cast<const Reals*>(b)[i];
        Reals out;
#pragma unroll
        for (u32 j = 0; j < PACK; j++) out.at[j] = of_two(f, left.at[j], right.at[j]);
        reinterpret_cast<Reals*>(y)[i] = out;
    }
    for (u32 i = packs * PACK + first_index(); i < count; i += all_threads()) y[i] = of_two(f, a[i], b[i]);
}
EXPORT(KERNEL(elementwise_binary))

// The same of views that are broadcast to one shape.
extern "C" __global__ void __launch_bounds__(256)
    KERNEL(elementwise_binary_view)(Real* y, const Real* a, const Real* b, u32 f, u32 count, Strided<2> views) {
    for (u32 i = first_index(); i < count; i += all_threads()) {
        u32 at[2];
        views.places(i, at);
        y[i] = of_two(f, a[at[0]], b[at[1]]);
    }
}
EXPORT(KERNEL(elementwise_binary_view))
