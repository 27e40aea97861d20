#include "window.cuh"

// Products of rows over all examples and positions: the rows are the entries of windows (c, u, v), a constant one where
// there is one, `entries` in all, and then the outputs. All in `double`.
namespace {
constexpr u32 TILE = 32, STEP = 32, LANES = 8, LENGTH = TILE + 1;

struct Sizes {
    Window of;
    u32 tasks, examples, inputs, outputs, entries;
};

// Where the numbers of a row are: of a pixel, how far from the corner of the first channel's window, and its tap.
struct alignas(16) Row {
    enum Kind : u32 { Nothing, One, Pixel, Target } kind;
    u32 at, tap, channel;

    HOST_DEVICE static Row of(const Sizes& sizes, u32 number) {
        const Window& of = sizes.of;
        const u32 taps = of.kh * of.kw;
        if (number < sizes.inputs * taps) {
            const u32 channel = number / taps, u = number % taps / of.kw, v = number % taps % of.kw;
            return {Pixel, channel * (of.h * of.w) + u * of.w + v, u << 16 | v, channel};
        }
        if (number < sizes.entries) return {One, 0, 0, 0};
        if (number < sizes.entries + sizes.outputs) return {Target, (number - sizes.entries) * (of.oh * of.ow), 0, 0};
        return {Nothing, 0, 0, 0};
    }
};
}  // namespace

// part[k, t] = the products of rows r and entries e, and then, of each tile of rows, the sum of the squares of its
// outputs: over `each` of all (example, position), the k-th of `gridDim.y` parts. `x (t, b, inputs, h, w)`, `y (t, b,
// outputs, positions)`; around the images lies −shift of each task and channel, zero where that is null.
//
// A block of 256 threads for each tile of 32 rows by 32 entries; of two that are each other's transpose, for one.
extern "C" __global__ void __launch_bounds__(256, 3)
    KERNEL(second_moments)(double* part, const Real* x, const Real* y, const Real* shift, u32 each, Sizes sizes) {
    __shared__ double tiles[2 * STEP * LENGTH], scratch[33];
    __shared__ Row rows[2 * TILE];
    const Window& of = sizes.of;
    const u32 all = sizes.entries + sizes.outputs, pixels = of.h * of.w, positions = of.oh * of.ow;
    const u32 across = (sizes.entries + TILE - 1) / TILE, down = (all + TILE - 1) / TILE;
    const u32 row = blockIdx.x / across * TILE, entry = blockIdx.x % across * TILE;
    if (entry > row && row + TILE <= sizes.entries) return;
    for (u32 n = threadIdx.x; n < 2 * TILE; n += blockDim.x) {
        const u32 number = n < TILE ? row + n : entry + n - TILE;
        rows[n] = n >= TILE && number >= sizes.entries ? Row{Row::Nothing, 0, 0, 0} : Row::of(sizes, number);
    }
    __syncthreads();
    const u32 from = blockIdx.y * each, to = min(from + each, sizes.examples * positions);
    const u32 own = threadIdx.x % STEP, lane = threadIdx.x / STEP, i = threadIdx.x / 16, j = threadIdx.x % 16;
    for (u32 t = blockIdx.z; t < sizes.tasks; t += gridDim.z) {
        u32 at = from + own, position = at % positions;
        const u64 example = u64(t) * sizes.examples + at / positions;
        const Real *images = x + example * sizes.inputs * pixels, *targets = y + example * sizes.outputs * positions;
        double sum[2][2] = {}, squares = 0;
        for (u32 done = from; done < to; done += STEP) {
            const u32 y_of = position / of.ow, top = y_of * of.sh - of.ph, beside = (position - y_of * of.ow) * of.sw - of.pw;
            const u32 corner = top * of.w + beside;
            for (u32 n = lane; n < 2 * TILE; n += LANES) {
                const Row wanted = rows[n];
                double number = 0;
                if (at >= to || wanted.kind == Row::Nothing) {
                } else if (wanted.kind == Row::One) {
                    number = 1;
                } else if (wanted.kind == Row::Target) {
                    number = targets[wanted.at + position];
                    if (n < TILE) squares += number * number;
                } else if (top + (wanted.tap >> 16) < of.h && beside + (wanted.tap & 0xffff) < of.w) {
                    number = images[corner + wanted.at];
                } else if (shift != nullptr) {
                    number = -double(shift[u64(t) * sizes.inputs + wanted.channel]);
                }
                tiles[(n / TILE * STEP + own) * LENGTH + n % TILE] = number;
            }
            __syncthreads();
            for (u32 k = 0; k < STEP; k++) {
                const double *of_left = tiles + k * LENGTH + i, *of_right = tiles + (STEP + k) * LENGTH + j;
                const double a[2] = {of_left[0], of_left[16]}, b[2] = {of_right[0], of_right[16]};
#pragma unroll
                for (u32 n = 0; n < 4; n++) sum[n / 2][n % 2] += a[n / 2] * b[n % 2];
            }
            __syncthreads();
            at += STEP, position += STEP;
            for (; position >= positions; position -= positions) {
                images += sizes.inputs * pixels, targets += sizes.outputs * positions;
            }
        }
        double* out = part + (u64(blockIdx.y) * sizes.tasks + t) * (u64(all) * sizes.entries + down);
#pragma unroll
        for (u32 n = 0; n < 4; n++) {
            const u32 r = row + i + n / 2 * 16, e = entry + j + n % 2 * 16;
            if (r < all && e < sizes.entries) out[u64(r) * sizes.entries + e] = sum[n / 2][n % 2];
        }
        if (entry == 0) {
            squares = block_sum(squares, scratch);
            if (threadIdx.x == 0) out[u64(all) * sizes.entries + row / TILE] = squares;
        }
    }
}
EXPORT(KERNEL(second_moments))

// The sums of the parts above, of so many tasks: `gram (t, entries, entries)`, `cross (t, outputs, entries)`, `square
// (t)` and `norms (t, entries)`, the roots of the diagonal of gram. A thread for each.
extern "C" __global__ void __launch_bounds__(256)
    KERNEL(second_moments_sum)(Real* gram, Real* cross, Real* square, Real* norms, const double* part, u32 parts, u32 tasks, u32 entries, u32 outputs) {
    const u32 all = entries + outputs, down = (all + TILE - 1) / TILE;
    const u64 distance = u64(all) * entries + down;
    const u32 of_task = all * entries + entries + 1;
    for (u32 n = first_index(); n < tasks * of_task; n += all_threads()) {
        const u32 t = n / of_task, place = n % of_task, r = place / entries, e = place % entries;
        // The lower triangle of gram, the outputs below it, the diagonal, the squares.
        const bool is_square = place + 1 == of_task, is_norm = r == all && !is_square;
        u64 from = is_norm ? u64(e) * entries + e : r < entries && r < e ? u64(e) * entries + r : place;
        if (is_square) from = distance - down;
        double sum = 0;
        for (u32 k = 0; k < parts; k++) {
            const double* numbers = part + (u64(k) * tasks + t) * distance + from;
            for (u32 tile = 0; tile < (is_square ? down : 1); tile++) sum += numbers[tile];
        }
        if (is_square) square[t] = Real(sum);
        else if (is_norm) norms[u64(t) * entries + e] = Real(sqrt(sum));
        else if (r < entries) gram[u64(t) * entries * entries + place] = Real(sum);
        else cross[u64(t) * outputs * entries + (place - entries * entries)] = Real(sum);
    }
}
EXPORT(KERNEL(second_moments_sum))
