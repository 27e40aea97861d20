#include "many.cuh"

// A step of Adam on up to MOST_TENSORS tensors at once.
struct Factors { double at[MOST_TENSORS]; };

// part[block] = Σ g² over a block's elements.
extern "C" __global__ void __launch_bounds__(256) KERNEL(adam_squares)(double* part, Tensors gradients, Batch batch) {
    __shared__ double scratch[33];
    u32 from, to;
    const u32 tensor = batch.tensor_of(blockIdx.x, from, to);
    double sum = 0;
    for (u32 i = from + threadIdx.x; i < to; i += blockDim.x) {
        const double g = gradients.at[tensor][i];
        sum += g * g;
    }
    sum = block_sum(sum, scratch);
    if (threadIdx.x == 0) part[blockIdx.x] = sum;
}
EXPORT(KERNEL(adam_squares))

// As `Rule` of Rust; no schedule and no longest norm are zero. `t` is the number of the step, or zero when it is one more
// than `*steps_taken`.
struct Rule { double rate, beta1, beta2, epsilon, cosine, longest, largest, t; };

// What a step needs besides: the factor of the gradients, NaN when there is none; that of first moments, and of second.
struct Plan { double clip, first, second; };

// squares[tensor] = Σ g² of each tensor of a batch, from the parts of its blocks. Then, unless `all` is zero, what the
// step is to be: report = (watched, squares of all), and the plan. One block.
extern "C" __global__ void __launch_bounds__(256)
    KERNEL(adam_plan)(double* squares, const double* part, double* report, Plan* plan, double* steps_taken, const double* watched, u32 watching,
                      u32 all, Rule rule, Batch batch) {
    __shared__ double scratch[33];
    for (u32 tensor = 0; tensor < batch.tensors; tensor++) {
        double sum = 0;
        for (u32 i = batch.first_chunk(tensor) + threadIdx.x; i < batch.chunks[tensor]; i += blockDim.x) sum += part[i];
        sum = block_sum(sum, scratch);
        if (threadIdx.x == 0) squares[tensor] = sum;
    }
    if (all == 0 || threadIdx.x > 0) return;
    double total = 0, most = 0;
    bool fits = true;
    for (u32 i = 0; i < watching; i++) {
        const double x = watched[i];
        report[i] = x;
        fits = fits && x - x == 0;
    }
    for (u32 i = 0; i < all; i++) {
        const double square = report[watching + i];
        fits = fits && square == square;
        total += square;
        most = square > most ? square : most;
    }
    const double norm = sqrt(total), c = rule.longest > 0 && norm > rule.longest ? rule.longest / norm : 1;
    fits = fits && most * c * c <= rule.largest;
    const double t = rule.t > 0 ? rule.t : *steps_taken + 1;
    const double fallen = rule.cosine > 0 ? 0.5 * (1 + cos(3.14159265358979323846 * (t - 1) / rule.cosine)) : 1;
    plan->clip = fits ? c : nan("");
    plan->first = rule.rate * fallen / (1 - pow(rule.beta1, t));
    plan->second = 1 / (1 - pow(rule.beta2, t));
    if (rule.t == 0 && fits) *steps_taken = t;
}
EXPORT(KERNEL(adam_plan))

// m ← β₁ m + (1 − β₁) c g, s ← β₂ s + (1 − β₂) (c g)², p ← p − factor first m / (√(second s) + ε), with the clip c and the
// factors of the plan. Nothing, when c is NaN.
extern "C" __global__ void __launch_bounds__(256)
    KERNEL(adam_step)(Tensors parameters, Tensors firsts, Tensors seconds, Tensors gradients, Factors factors, const Plan* plan, Rule rule,
                      Batch batch) {
    if (!(plan->clip == plan->clip)) return;
    u32 from, to;
    const u32 tensor = batch.tensor_of(blockIdx.x, from, to);
    const Real clip = Real(plan->clip), keep1 = Real(rule.beta1), rest1 = Real(1 - rule.beta1);
    const Real keep2 = Real(rule.beta2), rest2 = Real(1 - rule.beta2), epsilon = Real(rule.epsilon);
    const Real a = Real(factors.at[tensor] * plan->first), b = Real(plan->second);
    for (u32 i = from + threadIdx.x; i < to; i += blockDim.x) {
        const Real g = gradients.at[tensor][i] * clip;
        const Real m = keep1 * firsts.at[tensor][i] + rest1 * g, s = keep2 * seconds.at[tensor][i] + rest2 * (g * g);
        firsts.at[tensor][i] = m;
        seconds.at[tensor][i] = s;
        parameters.at[tensor][i] -= a * m / (sqrt(b * s) + epsilon);
    }
}
EXPORT(KERNEL(adam_step))
