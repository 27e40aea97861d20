#include "window.cuh"

// Convolutions as products of matrices that are nowhere written: a block of 128 threads has a tile of the result, and
// reads what its products need, windows where they lie, into shared memory, a few terms of the sums at a time. Those
// of the next step are on their way while those of this one are multiplied. A thread keeps TM × TN sums.
namespace {
constexpr u32 THREADS = 128, ACROSS = 16, DOWN = THREADS / ACROSS;
// Results of a thread along positions, and of a block; the threads that read a column of a step.
constexpr u32 WIDE = 32 / sizeof(Real), COLUMNS = ACROSS * WIDE, SHARE = THREADS / COLUMNS;
// For a place outside of the image.
constexpr u32 OUTSIDE = 0xffffffffu;

// A row of a tile in shared memory: at distances that keep packs aligned and change the bank.
constexpr u32 length(u32 numbers) { return numbers + PACK; }

struct Sizes {
    Window of;
    u32 tasks, examples, inputs, outputs;
};

// A thread's place among those of a block, ACROSS by DOWN: a warp is eight by four, so that all of it reads no more
// than 128 different bytes of a row of a tile at a time.
HOST_DEVICE u32 down_of_thread() { return threadIdx.x / 64 * 4 + threadIdx.x / 8 % 4; }
HOST_DEVICE u32 across_of_thread() { return threadIdx.x / 32 % 2 * 8 + threadIdx.x % 8; }

// Which of those that read a column of a step it is.
HOST_DEVICE u32 own_share() { return SHARE == 1 ? 0 : threadIdx.x / COLUMNS; }

// The column of a tile that is a thread's j-th: packs, side by side with those of its neighbours.
template <u32 TN> HOST_DEVICE u32 column_of(u32 j) {
    const u32 x = across_of_thread();
    return TN < PACK ? x + j * ACROSS : (j / PACK * ACROSS + x) * PACK + j % PACK;
}

// sum[i][j] += Σ_k a[k, row i] b[k, column j] of a step.
template <u32 STEP, u32 TM, u32 TN> HOST_DEVICE void add_products(Real (&sum)[TM][TN], const Real* a, const Real* b) {
    const u32 row = down_of_thread() * TM;
#pragma unroll
    for (u32 k = 0; k < STEP; k++) {
        Real left[TM], right[TN];
        const Real *of_a = a + k * length(DOWN * TM) + row, *of_b = b + k * length(ACROSS * TN);
        if constexpr (TM % PACK == 0) {
#pragma unroll
            for (u32 i = 0; i < TM; i += PACK) {
                const Reals pack = *reinterpret_cast<const Reals*>(of_a + i);
#pragma unroll
                for (u32 e = 0; e < PACK; e++) left[i + e] = pack.at[e];
            }
        } else {
#pragma unroll
            for (u32 i = 0; i < TM; i++) left[i] = of_a[i];
        }
        if constexpr (TN % PACK == 0) {
#pragma unroll
            for (u32 j = 0; j < TN; j += PACK) {
                const Reals pack = *reinterpret_cast<const Reals*>(of_b + column_of<TN>(j));
#pragma unroll
                for (u32 e = 0; e < PACK; e++) right[j + e] = pack.at[e];
            }
        } else {
#pragma unroll
            for (u32 j = 0; j < TN; j++) right[j] = of_b[column_of<TN>(j)];
        }
#pragma unroll
        for (u32 i = 0; i < TM; i++) {
#pragma unroll
            for (u32 j = 0; j < TN; j++) sum[i][j] += left[i] * right[j];
        }
    }
}

// Where a result at `at` finds the pixel under a tap of its window, along one direction: of the image, or, backwards,
// of the results that the window had there.
HOST_DEVICE u32 along(bool backwards, u32 at, u32 tap, u32 stride, u32 padding, u32 size) {
    u32 place = at * stride + tap - padding;
    if (backwards) {
        if (at + padding < tap) return OUTSIDE;
        place = at + padding - tap;
        if (stride > 1) {
            if (place % stride != 0) return OUTSIDE;
            place /= stride;
        }
    }
    return place < size ? place : OUTSIDE;
}

// One of the two products with filters: `y (b, rows, positions)` from `z (b, depth, pixels)` and the filter of (row,
// depth).
struct Product {
    const Window& of;
    bool backwards;
    u32 rows, depth, taps, positions, width, pixels, of_row, of_depth;

    HOST_DEVICE Product(const Sizes& sizes, bool backwards) : of(sizes.of), backwards(backwards) {
        const u32 image = of.h * of.w, result = of.oh * of.ow;
        taps = of.kh * of.kw;
        rows = backwards ? sizes.inputs : sizes.outputs, depth = backwards ? sizes.outputs : sizes.inputs;
        positions = backwards ? image : result, pixels = backwards ? result : image;
        width = backwards ? of.w : of.ow;
        of_row = backwards ? taps : sizes.inputs * taps, of_depth = backwards ? sizes.inputs * taps : taps;
    }

    HOST_DEVICE u32 place(u32 y, u32 x, u32 u, u32 v) const {
        const u32 row = along(backwards, y, u, of.sh, of.ph, backwards ? of.oh : of.h);
        const u32 column = along(backwards, x, v, of.sw, of.pw, backwards ? of.ow : of.w);
        return row == OUTSIDE || column == OUTSIDE ? OUTSIDE : row * (backwards ? of.ow : of.w) + column;
    }
};

// What a thread reads for the steps of a tile: filters of DOWN · TM rows, and the windows of its column. Beyond the last
// row or column it reads that one again, for what is not written. A step is a channel of a window of three by three, at
// places that are found out once.
template <u32 TM> struct ThreeByThree {
    static constexpr u32 STEP = 9, FILTERS = DOWN * TM * STEP, OF_FILTERS = (FILTERS + THREADS - 1) / THREADS;
    static constexpr u32 OF_WINDOWS = (STEP + SHARE - 1) / SHARE;
    const Real *filters, *images;
    u32 steps, filters_on, images_on, filter[OF_FILTERS], window[OF_WINDOWS];

    // For a first row, and a column at (y, x) of the images.
    HOST_DEVICE ThreeByThree(const Product& of, const Real* filters, const Real* images, u32 row, u32 y, u32 x)
        : filters(filters), images(images), steps(of.depth), filters_on(of.of_depth), images_on(of.pixels) {
#pragma unroll
        for (u32 j = 0; j < OF_FILTERS; j++) {
            const u32 n = min(threadIdx.x + j * THREADS, FILTERS - 1);
            filter[j] = min(row + n / STEP, of.rows - 1) * of.of_row + n % STEP;
        }
#pragma unroll
        for (u32 j = 0; j < OF_WINDOWS; j++) {
            const u32 tap = own_share() + j * SHARE;
            window[j] = of.place(y, x, tap / 3, tap % 3);
        }
    }
    HOST_DEVICE void read(Real (&a)[OF_FILTERS], Real (&b)[OF_WINDOWS]) {
#pragma unroll
        for (u32 j = 0; j < OF_FILTERS; j++) a[j] = filters[filter[j]];
#pragma unroll
        for (u32 j = 0; j < OF_WINDOWS; j++) b[j] = window[j] == OUTSIDE ? Real(0) : images[window[j]];
        filters += filters_on, images += images_on;
    }
    HOST_DEVICE void write(const Real (&a)[OF_FILTERS], const Real (&b)[OF_WINDOWS], Real* to_a, Real* to_b) const {
#pragma unroll
        for (u32 j = 0; j < OF_FILTERS; j++) {
            const u32 n = threadIdx.x + j * THREADS;
            if ((j + 1) * THREADS <= FILTERS || n < FILTERS) to_a[n % STEP * length(DOWN * TM) + n / STEP] = a[j];
        }
#pragma unroll
        for (u32 j = 0; j < OF_WINDOWS; j++) {
            const u32 tap = own_share() + j * SHARE;
            if ((j + 1) * SHARE <= STEP || tap < STEP) to_b[tap * length(COLUMNS) + threadIdx.x % COLUMNS] = b[j];
        }
    }
};

// The same of any window: a step is eight of all (channel, tap).
template <u32 TM> struct AnyTaps {
    static constexpr u32 STEP = 8, OF_FILTERS = (DOWN * TM * STEP + THREADS - 1) / THREADS, OF_WINDOWS = STEP / SHARE;
    const Product& of;
    const Real *filters, *images;
    u32 steps, term, row, y, x, channel, u, v;

    HOST_DEVICE AnyTaps(const Product& of, const Real* filters, const Real* images, u32 row, u32 y, u32 x)
        : of(of), filters(filters), images(images), steps((of.depth * of.taps + STEP - 1) / STEP),
          term(threadIdx.x % STEP), row(row), y(y), x(x), channel(0), u(0), v(0) {
        go_on(own_share());
    }
    HOST_DEVICE void go_on(u32 terms) {
        for (u32 n = 0; n < terms; n++) {
            if (++v < of.of.kw) continue;
            v = 0;
            if (++u < of.of.kh) continue;
            u = 0, channel++;
        }
    }
    HOST_DEVICE void read(Real (&a)[OF_FILTERS], Real (&b)[OF_WINDOWS]) {
        const u32 deep = term / of.taps, at = deep * of.of_depth + term % of.taps;
#pragma unroll
        for (u32 j = 0; j < OF_FILTERS; j++) {
            const u32 wanted = min(row + threadIdx.x / STEP + j * (THREADS / STEP), of.rows - 1);
            a[j] = deep < of.depth ? filters[wanted * of.of_row + at] : Real(0);
        }
        term += STEP;
        u32 place[OF_WINDOWS];
#pragma unroll
        for (u32 j = 0; j < OF_WINDOWS; j++) {
            place[j] = channel < of.depth ? of.place(y, x, u, v) : OUTSIDE;
            if (place[j] != OUTSIDE) place[j] += channel * of.pixels;
            go_on(SHARE);
        }
#pragma unroll
        for (u32 j = 0; j < OF_WINDOWS; j++) b[j] = place[j] == OUTSIDE ? Real(0) : images[place[j]];
    }
    HOST_DEVICE void write(const Real (&a)[OF_FILTERS], const Real (&b)[OF_WINDOWS], Real* to_a, Real* to_b) const {
#pragma unroll
        for (u32 j = 0; j < OF_FILTERS; j++) {
            const u32 own = threadIdx.x / STEP + j * (THREADS / STEP);
            if (own < DOWN * TM) to_a[threadIdx.x % STEP * length(DOWN * TM) + own] = a[j];
        }
#pragma unroll
        for (u32 j = 0; j < OF_WINDOWS; j++) {
            const u32 n = own_share() + j * SHARE;
            to_b[n * length(COLUMNS) + threadIdx.x % COLUMNS] = b[j];
        }
    }
};

template <u32 TM, class Reader>
HOST_DEVICE void apply(Real* y, const Real* z, const Real* w, bool backwards, const Sizes& sizes, Reals* room) {
    const Product of(sizes, backwards);
    constexpr u32 OF_A = Reader::STEP * length(DOWN * TM), OF_B = Reader::STEP * length(COLUMNS);
    Real *a_tiles = reinterpret_cast<Real*>(room), *b_tiles = a_tiles + 2 * OF_A;
    const u32 down = (of.rows + DOWN * TM - 1) / (DOWN * TM), columns = sizes.examples * of.positions;
    const u32 tiles = down * ((columns + COLUMNS - 1) / COLUMNS), t = blockIdx.x / tiles, tile = blockIdx.x % tiles;
    const u32 row = tile % down * (DOWN * TM), column = tile / down * COLUMNS;
    const u32 own = column + threadIdx.x % COLUMNS, read = min(own, columns - 1);
    const u32 example = read / of.positions, position = read % of.positions;
    const Real* filters = w + u64(t) * of.rows * of.depth * of.taps;
    const u64 image = u64(t) * sizes.examples + example;
    const Real* images = z + image * of.depth * of.pixels;
    Reader reader(of, filters, images, row, position / of.width, position % of.width);
    Real sum[TM][WIDE] = {}, a[Reader::OF_FILTERS], b[Reader::OF_WINDOWS];
    reader.read(a, b);
    reader.write(a, b, a_tiles, b_tiles);
    __syncthreads();
    for (u32 step = 0; step < reader.steps; step++) {
        const u32 now = step % 2, then = 1 - now;
        const bool more = step + 1 < reader.steps;
        if (more) reader.read(a, b);
        add_products<Reader::STEP>(sum, a_tiles + now * OF_A, b_tiles + now * OF_B);
        if (more) reader.write(a, b, a_tiles + then * OF_A, b_tiles + then * OF_B);
        __syncthreads();
    }
    // By way of shared memory, so that a thread writes the column that it has read.
    const u32 first = row + own_share() * TM, rows = own < columns ? of.rows : 0, place = down_of_thread() * COLUMNS;
    Real* results = y + (image * of.rows + first) * of.positions + position;
#pragma unroll
    for (u32 i = 0; i < TM; i++) {
#pragma unroll
        for (u32 j = 0; j < WIDE; j += PACK) {
            Reals pack;
#pragma unroll
            for (u32 e = 0; e < PACK; e++) pack.at[e] = sum[i][j + e];
            *reinterpret_cast<Reals*>(a_tiles + place + column_of<WIDE>(j)) = pack;
        }
        __syncthreads();
        Real* to = results + u64(i) * of.positions;
#pragma unroll
        for (u32 r = 0; r < DOWN; r += SHARE, to += SHARE * TM * of.positions) {
            if (first + r * TM + i < rows) *to = a_tiles[(own_share() + r) * COLUMNS + threadIdx.x % COLUMNS];
        }
        __syncthreads();
    }
}

// Positions that are multiplied in a step of the sum over them.
constexpr u32 POSITIONS = 16;

// Of a filter's entry: how far its pixel is from the corner of the first channel's window, and its tap.
struct alignas(16) Entry {
    u32 at, u, v;
};

template <u32 TM, u32 TN>
HOST_DEVICE void weights(Real* out, const Real* x, const Real* g, u32 each, const Sizes& sizes, Reals* room) {
    constexpr u32 LANES = THREADS / POSITIONS, WINDOWS = ACROSS * TN, OF_WINDOWS = WINDOWS / LANES;
    constexpr u32 OF_A = POSITIONS * length(DOWN * TM), OF_B = POSITIONS * length(WINDOWS);
    static_assert(LANES == DOWN, "a thread reads as many results as it has rows");
    Real *a_tiles = reinterpret_cast<Real*>(room), *b_tiles = a_tiles + 2 * OF_A;
    Entry* entry_of = reinterpret_cast<Entry*>(b_tiles + 2 * OF_B);
    const Window& of = sizes.of;
    const u32 taps = of.kh * of.kw, entries = sizes.inputs * taps, pixels = of.h * of.w, positions = of.oh * of.ow;
    const u32 down = (sizes.outputs + DOWN * TM - 1) / (DOWN * TM);
    const u32 tiles = down * ((entries + WINDOWS - 1) / WINDOWS), t = blockIdx.x / tiles, tile = blockIdx.x % tiles;
    const u32 row = tile % down * (DOWN * TM), column = tile / down * WINDOWS;
    const u32 from = blockIdx.y * each, to = min(from + each, sizes.examples * positions);
    for (u32 n = threadIdx.x; n < WINDOWS; n += THREADS) {
        // Beyond the last one that again, and the same with rows below: what comes of it is not written.
        const u32 entry = min(column + n, entries - 1), u = entry % taps / of.kw, v = entry % taps % of.kw;
        entry_of[n] = {entry / taps * pixels + u * of.w + v, u, v};
    }
    __syncthreads();
    const u32 own = threadIdx.x % POSITIONS, lane = threadIdx.x / POSITIONS;
    u32 at = from + own, position = at % positions;
    const u64 image = u64(t) * sizes.examples + at / positions;
    const Real *images = x + image * sizes.inputs * pixels, *results = g + image * sizes.outputs * positions;
    Real sum[TM][TN] = {}, a[TM], b[OF_WINDOWS];
    auto read = [&] {
        const bool inside = at < to;
#pragma unroll
        for (u32 j = 0; j < TM; j++) {
            const u32 wanted = min(row + lane + j * LANES, sizes.outputs - 1);
            a[j] = inside ? results[wanted * positions + position] : Real(0);
        }
        const u32 i = position / of.ow, left = (position - i * of.ow) * of.sw - of.pw;
        // Below all images where there is no position.
        const u32 top = inside ? i * of.sh - of.ph : 1u << 30, corner = top * of.w + left;
#pragma unroll
        for (u32 j = 0; j < OF_WINDOWS; j++) {
            const Entry entry = entry_of[lane + j * LANES];
            const bool here = (top + entry.u < of.h) & (left + entry.v < of.w);
            b[j] = here ? images[corner + entry.at] : Real(0);
        }
        at += POSITIONS, position += POSITIONS;
        for (; position >= positions; position -= positions) {
            images += sizes.inputs * pixels, results += sizes.outputs * positions;
        }
    };
    auto write = [&](Real* to_a, Real* to_b) {
#pragma unroll
        for (u32 j = 0; j < TM; j++) to_a[own * length(DOWN * TM) + lane + j * LANES] = a[j];
#pragma unroll
        for (u32 j = 0; j < OF_WINDOWS; j++) to_b[own * length(WINDOWS) + lane + j * LANES] = b[j];
    };
    read();
    write(a_tiles, b_tiles);
    __syncthreads();
    const u32 steps = (to - from + POSITIONS - 1) / POSITIONS;
    for (u32 step = 0; step < steps; step++) {
        const u32 now = step % 2, then = 1 - now;
        if (step + 1 < steps) read();
        add_products<POSITIONS>(sum, a_tiles + now * OF_A, b_tiles + now * OF_B);
        if (step + 1 < steps) write(a_tiles + then * OF_A, b_tiles + then * OF_B);
        __syncthreads();
    }
    Real* filters = out + (u64(blockIdx.y) * sizes.tasks + t) * sizes.outputs * entries;
    const u32 first = row + down_of_thread() * TM;
#pragma unroll
    for (u32 i = 0; i < TM; i++) {
#pragma unroll
        for (u32 j = 0; j < TN; j++) {
            const u32 entry = column + column_of<TN>(j);
            if (first + i < sizes.outputs && entry < entries) filters[(first + i) * entries + entry] = sum[i][j];
        }
    }
}
}  // namespace

// Forward: y[t, b, o, i, j] = Σ_{c, u, v} w[t, o, c, u, v] z[t, b, c, s i + u − p, s j + v − p], `z (t, b, inputs, h,
// w)`, `y (t, b, outputs, oh, ow)`. Backwards, from `z (t, b, outputs, oh, ow)`, the adjoint in the images: y[t, b, c,
// i, j] = Σ_{o, u, v} w[t, o, c, u, v] z[t, b, o, (i + p − u) / s, (j + p − v) / s] where that is whole and inside.
//
// Tiles of 8 · TM channels by COLUMNS positions of all examples: a block for each, task by task.
#define APPLY(name, TM, reader, blocks)                                                             \
    extern "C" __global__ void __launch_bounds__(128, blocks)                                       \
        KERNEL(name)(Real* y, const Real* z, const Real* w, u32 backwards, Sizes sizes) {           \
        DYNAMIC_SHARED(Reals, room);                                                                \
        apply<TM, reader<TM>>(y, z, w, backwards != 0, sizes, room);                                \
    }                                                                                               \
    EXPORT(KERNEL(name))
APPLY(conv2d_three_by_three_64, 8, ThreeByThree, (sizeof(Real) == 4 ? 3 : 2))
APPLY(conv2d_three_by_three_32, 4, ThreeByThree, 3)
APPLY(conv2d_three_by_three_8, 1, ThreeByThree, 5)
APPLY(conv2d_any_taps_64, 8, AnyTaps, (sizeof(Real) == 4 ? 3 : 2))
APPLY(conv2d_any_taps_32, 4, AnyTaps, 3)
APPLY(conv2d_any_taps_8, 1, AnyTaps, 5)

// part[k, t, o, (c, u, v)] = Σ g[t, b, o, i, j] x[t, b, c, s i + u − p, s j + v − p] over `each` of all (b, i, j): the
// k-th of `gridDim.y` parts of the adjoint in the filters.
//
// Tiles of 8 · TM outputs by 16 · TN filter entries: a block along x for each, task by task.
#define WEIGHTS(name, TM, TN, blocks)                                                               \
    extern "C" __global__ void __launch_bounds__(128, blocks)                                       \
        KERNEL(name)(Real* part, const Real* x, const Real* g, u32 each, Sizes sizes) {             \
        DYNAMIC_SHARED(Reals, room);                                                                \
        weights<TM, TN>(part, x, g, each, sizes, room);                                             \
    }                                                                                               \
    EXPORT(KERNEL(name))
WEIGHTS(conv2d_weights_64_wide, 8, WIDE, (sizeof(Real) == 4 ? 3 : 2))
WEIGHTS(conv2d_weights_32_wide, 4, WIDE, 3)
WEIGHTS(conv2d_weights_8_wide, 1, WIDE, 4)
WEIGHTS(conv2d_weights_64_narrow, 8, 2, 3)
WEIGHTS(conv2d_weights_32_narrow, 4, 2, 4)
WEIGHTS(conv2d_weights_8_narrow, 1, 2, 4)

// y[i] = Σ_k part[k, i], in `double`.
extern "C" __global__ void __launch_bounds__(256)
    KERNEL(conv2d_weights_sum)(Real* y, const Real* part, u32 count, u32 parts) {
    for (u32 i = first_index(); i < count; i += all_threads()) {
        double sum = 0;
        for (u32 k = 0; k < parts; k++) sum += part[u64(k) * count + i];
        y[i] = Real(sum);
    }
}
EXPORT(KERNEL(conv2d_weights_sum))
