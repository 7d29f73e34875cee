/* Products of small matrices for chains of dense layers, in the compiler's vector types: plain loops
   do not keep tiles of a vector and a half in registers.

       product              C[m, n] = start[n] + A[m, 0] B[0, n] + A[m, 1] B[1, n] + ...
       transposed_product   C[m, n] = A[0, m] B[0, n] + A[1, m] B[1, n] + ...
       column_sums          C[n] = the sum of B[k, n] over k, as sum_columns of gemm.pxi
       transpose            C[n, m] = A[m, n]
       row_sums             C[m] = start + A[m, 0] B[0] + A[m, 1] B[1] + ...

   Each element is summed in the order of k by fused multiply-adds, as in gemm.pxi: so the bits are
   those of any other tile. Rows of B and start are read, and rows of C are written, beyond their N
   columns, up to whole tiles: N + LANES elements of each row have to be there, and what lies behind
   a row of C is written later or never read. The file includes itself for each data type. */

#ifndef REAL

#include <stdint.h>

/* TILE_BYTES: of a vector. A tile is up to two vectors wide; halves of vectors pay where they take
   half the time. */
#if defined(__AVX512F__)
#include <immintrin.h>
#define TILE_BYTES 64
#elif defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>
#define TILE_BYTES 32
#else
#define TILE_BYTES 16
#endif

#define TILE static inline __attribute__((always_inline))
#define LOOP static __attribute__((noinline))

/* The most rows of a tile: as many as there are registers for, of numbers and of addresses. */
enum { MOST_TILE_ROWS = 12 };
#define product_tile_ROWS(halves) ((TILE_BYTES == 64 || (halves) <= 2) ? 8 : TILE_BYTES == 32 ? 6 : 4)
#define transposed_tile_ROWS(halves) ((TILE_BYTES == 64 || (halves) <= 2) ? 12 : TILE_BYTES == 32 ? 6 : 4)

enum { TILES_NONE, TILES_RELU, TILES_GATE };    /* as Finish of gemm.pxi */

typedef struct {
    int64_t M, N, K;
    const void *const *rows;    /* of A */
    const void *B;
    int64_t b_row;
    const void *start;          /* or NULL for zeros */
    void *C;
    int64_t c_row;
    int64_t finish;
    const void *gate;           /* laid out as C */
} fastgd_tiles;

#define REAL float
#define SINGLE 1
#define MULTIPLY_ADD fastgd_fmaf
#define NAME(name) fastgd_##name##_f
#include "tiles.h"
#undef REAL
#undef SINGLE
#undef MULTIPLY_ADD
#undef NAME
#define REAL double
#define SINGLE 0
#define MULTIPLY_ADD fastgd_fma
#define NAME(name) fastgd_##name##_d
#include "tiles.h"
#undef REAL
#undef SINGLE
#undef MULTIPLY_ADD
#undef NAME

#else

typedef REAL NAME(vector)
    __attribute__((vector_size(TILE_BYTES), aligned(sizeof(REAL)), may_alias));
typedef REAL NAME(half)
    __attribute__((vector_size(TILE_BYTES / 2), aligned(sizeof(REAL)), may_alias));
typedef REAL NAME(quad)
    __attribute__((vector_size(4 * sizeof(REAL)), aligned(sizeof(REAL)), may_alias));

#define VEC NAME(vector)
#define HALFVEC NAME(half)
#define LANES_OF ((int64_t)(TILE_BYTES / sizeof(REAL)))
#define HALF_LANES (LANES_OF / 2)

TILE VEC NAME(multiply_add)(REAL a, VEC b, VEC c)
{
#if TILE_BYTES == 64 && SINGLE
    return (VEC)_mm512_fmadd_ps(_mm512_set1_ps(a), (__m512)b, (__m512)c);
#elif TILE_BYTES == 64
    return (VEC)_mm512_fmadd_pd(_mm512_set1_pd(a), (__m512d)b, (__m512d)c);
#elif TILE_BYTES == 32 && SINGLE
    return (VEC)_mm256_fmadd_ps(_mm256_set1_ps(a), (__m256)b, (__m256)c);
#elif TILE_BYTES == 32
    return (VEC)_mm256_fmadd_pd(_mm256_set1_pd(a), (__m256d)b, (__m256d)c);
#else
    for (int j = 0; j < LANES_OF; j++)
        c[j] = MULTIPLY_ADD(a, b[j], c[j]);
    return c;
#endif
}

/* Only AVX-512 has tiles with half a vector. */
TILE HALFVEC NAME(multiply_add_half)(REAL a, HALFVEC b, HALFVEC c)
{
#if TILE_BYTES == 64 && SINGLE
    return (HALFVEC)_mm256_fmadd_ps(_mm256_set1_ps(a), (__m256)b, (__m256)c);
#elif TILE_BYTES == 64
    return (HALFVEC)_mm256_fmadd_pd(_mm256_set1_pd(a), (__m256d)b, (__m256d)c);
#else
    return a * b + c;
#endif
}

TILE NAME(quad) NAME(multiply_add_quad)(REAL a, NAME(quad) b, NAME(quad) c)
{
#if TILE_BYTES >= 32 && SINGLE
    return (NAME(quad))_mm_fmadd_ps(_mm_set1_ps(a), (__m128)b, (__m128)c);
#elif TILE_BYTES >= 32
    return (NAME(quad))_mm256_fmadd_pd(_mm256_set1_pd(a), (__m256d)b, (__m256d)c);
#else
    for (int j = 0; j < 4; j++)
        c[j] = MULTIPLY_ADD(a, b[j], c[j]);
    return c;
#endif
}

/* The comparisons give masks of the same size. NaN stays NaN. */
#define RELU(type, x) ((type)(~((x) < 0) & (__typeof__((x) < 0))(x)))
#define GATE(type, x, gate) ((type)(((gate) > 0) & (__typeof__((x) < 0))(x)))

/* For each row i of a tile: one statement for each whole vector c, and one for a half. */
#define EACH_SUM(whole, of_half)                                                                  \
    _Pragma("GCC unroll 12") for (int i = 0; i < rows; i++)                                        \
    {                                                                                             \
        _Pragma("GCC unroll 2") for (int c = 0; c < full; c++) whole;                             \
        if (half)                                                                                 \
            of_half;                                                                              \
    }

/* b and half_b = row k of B, from column n on. */
#define LOAD_B                                                                                    \
    VEC b[2];                                                                                     \
    HALFVEC half_b;                                                                               \
    _Pragma("GCC unroll 2") for (int c = 0; c < full; c++)                                        \
        b[c] = *(const VEC *)(B + k * b_row + c * LANES_OF);                                      \
    if (half)                                                                                     \
        half_b = *(const HALFVEC *)(B + k * b_row + full * LANES_OF);

/* `rows` rows of C, `full` vectors and `half` half ones wide, all constants. */
TILE void NAME(product_tile)(int rows, int full, int half, const fastgd_tiles *t,
                             const void *const *A, int64_t m, int64_t n)
{
    const REAL *a[MOST_TILE_ROWS];
    const int64_t K = t->K, b_row = t->b_row, c_row = t->c_row, finish = t->finish;
    const REAL *B = (const REAL *)t->B + n, *start = (const REAL *)t->start + n;
    REAL *C = (REAL *)t->C + m * c_row + n;
    const REAL *gate = (const REAL *)t->gate + m * c_row + n;
    VEC sums[MOST_TILE_ROWS][2];
    HALFVEC half_sums[MOST_TILE_ROWS];
#pragma GCC unroll 12
    for (int i = 0; i < rows; i++)
        a[i] = (const REAL *)A[i];
    EACH_SUM(sums[i][c] = t->start ? *(VEC *)(start + c * LANES_OF) : (VEC){0},
             half_sums[i] = t->start ? *(HALFVEC *)(start + full * LANES_OF) : (HALFVEC){0})
    int64_t k = 0;
    do { /* K > 0: with a way around the loop gcc would copy all sums in each turn */
        LOAD_B
        EACH_SUM(sums[i][c] = NAME(multiply_add)(a[i][k], b[c], sums[i][c]),
                 half_sums[i] = NAME(multiply_add_half)(a[i][k], half_b, half_sums[i]))
    } while (++k < K);
    if (finish == TILES_RELU) {
        EACH_SUM(sums[i][c] = RELU(VEC, sums[i][c]), half_sums[i] = RELU(HALFVEC, half_sums[i]))
    } else if (finish == TILES_GATE) {
        EACH_SUM(
            sums[i][c] = GATE(VEC, sums[i][c], *(VEC *)(gate + i * c_row + c * LANES_OF)),
            half_sums[i] =
                GATE(HALFVEC, half_sums[i], *(HALFVEC *)(gate + i * c_row + full * LANES_OF)))
    }
    EACH_SUM(*(VEC *)(C + i * c_row + c * LANES_OF) = sums[i][c],
             *(HALFVEC *)(C + i * c_row + full * LANES_OF) = half_sums[i])
}

TILE void NAME(transposed_tile)(int rows, int full, int half, const fastgd_tiles *t,
                                const void *const *A, int64_t m, int64_t n)
{
    const int64_t K = t->K, b_row = t->b_row, c_row = t->c_row;
    const REAL *B = (const REAL *)t->B + n;
    REAL *C = (REAL *)t->C + m * c_row + n;
    VEC sums[MOST_TILE_ROWS][2];
    HALFVEC half_sums[MOST_TILE_ROWS];
    EACH_SUM(sums[i][c] = (VEC){0}, half_sums[i] = (HALFVEC){0})
    int64_t k = 0;
    do {
        const REAL *a = (const REAL *)A[k] + m;
        __asm__("" : "+r"(a)); /* or gcc keeps m, m + 1 ... in a register each */
        LOAD_B
        EACH_SUM(sums[i][c] = NAME(multiply_add)(a[i], b[c], sums[i][c]),
                 half_sums[i] = NAME(multiply_add_half)(a[i], half_b, half_sums[i]))
    } while (++k < K);
    EACH_SUM(*(VEC *)(C + i * c_row + c * LANES_OF) = sums[i][c],
             *(HALFVEC *)(C + i * c_row + full * LANES_OF) = half_sums[i])
}

/* A function for each tile, which has the registers for itself: in a common one gcc would keep
   addresses in vectors. They take the pointers to the rows of A that they need. Tables of them by the
   halves of a vector and the rows; what is larger than the registers is never called. */
#define TILE_ARGUMENTS const fastgd_tiles *t, const void *const *A, int64_t m, int64_t n
#define INSTANCE(tile, halves, rows)                                                              \
    LOOP void NAME(tile##_##halves##_##rows)(TILE_ARGUMENTS)                                      \
    {                                                                                             \
        if (rows <= tile##_ROWS(halves))                                                          \
            NAME(tile)(rows, halves / 2, halves % 2, t, A, m, n);                                 \
    }
#define INSTANCES(tile, halves)                                                                   \
    INSTANCE(tile, halves, 1) INSTANCE(tile, halves, 2) INSTANCE(tile, halves, 3)                 \
    INSTANCE(tile, halves, 4) INSTANCE(tile, halves, 5) INSTANCE(tile, halves, 6)                 \
    INSTANCE(tile, halves, 7) INSTANCE(tile, halves, 8) INSTANCE(tile, halves, 9)                 \
    INSTANCE(tile, halves, 10) INSTANCE(tile, halves, 11) INSTANCE(tile, halves, 12)
#define ENTRIES(tile, halves)                                                                     \
    {                                                                                             \
        NAME(tile##_##halves##_1), NAME(tile##_##halves##_2), NAME(tile##_##halves##_3),          \
        NAME(tile##_##halves##_4), NAME(tile##_##halves##_5), NAME(tile##_##halves##_6),          \
        NAME(tile##_##halves##_7), NAME(tile##_##halves##_8), NAME(tile##_##halves##_9),          \
        NAME(tile##_##halves##_10), NAME(tile##_##halves##_11), NAME(tile##_##halves##_12),       \
    }
#if TILE_BYTES == 64
#define TABLE(tile)                                                                               \
    INSTANCES(tile, 1) INSTANCES(tile, 2) INSTANCES(tile, 3) INSTANCES(tile, 4)                   \
    static void (*const NAME(tile##_table)[4][MOST_TILE_ROWS])(TILE_ARGUMENTS) = {                \
        ENTRIES(tile, 1), ENTRIES(tile, 2), ENTRIES(tile, 3), ENTRIES(tile, 4)};
#else
#define TABLE(tile)                                                                               \
    INSTANCES(tile, 2) INSTANCES(tile, 4)                                                         \
    static void (*const NAME(tile##_table)[4][MOST_TILE_ROWS])(TILE_ARGUMENTS) = {                \
        ENTRIES(tile, 2), ENTRIES(tile, 2), ENTRIES(tile, 4), ENTRIES(tile, 4)};
#endif

TABLE(product_tile)
TABLE(transposed_tile)

/* The columns from the last tile to the first: what it writes beyond a row is written again. The
   rows in tiles of nearly equal size: eleven rows are 6 + 5, and not 8 + 2 + 1. */
TILE void NAME(all_tiles)(const fastgd_tiles *t, int transposed,
                          void (*const tiles[4][MOST_TILE_ROWS])(TILE_ARGUMENTS))
{
    const uint32_t M = (uint32_t)t->M;
    for (int64_t n = (t->N - 1) / (2 * LANES_OF) * (2 * LANES_OF); n >= 0; n -= 2 * LANES_OF) {
        const int64_t left = (t->N - n + HALF_LANES - 1) / HALF_LANES, halves = left < 4 ? left : 4;
        const uint32_t most =
            transposed ? transposed_tile_ROWS(halves) : product_tile_ROWS(halves);
        uint32_t least = M, larger = 0;
        if (M > most) {
            const uint32_t count = (M + most - 1) / most;
            least = M / count;
            larger = M - least * count;
        }
        for (uint32_t m = 0, rows; m < M; m += rows) {
            rows = least + (larger > 0);
            larger -= larger > 0;
            tiles[halves - 1][rows - 1](t, transposed ? t->rows : t->rows + m, m, n);
        }
    }
}

/* The product where K is 1, start is NULL and the rows of A are neighbours: bound by its stores. */
LOOP void NAME(outer)(const fastgd_tiles *t)
{
    const int64_t M = t->M, c_row = t->c_row, finish = t->finish;
    for (int64_t n = 0; n < t->N; n += LANES_OF) {
        const REAL *A = (const REAL *)t->rows[0], *gate = (const REAL *)t->gate + n;
        const VEC b = *(const VEC *)((const REAL *)t->B + n);
        REAL *C = (REAL *)t->C + n;
        for (int64_t m = 0; m < M; m++) {
            VEC x = NAME(multiply_add)(A[m], b, (VEC){0});
            if (finish == TILES_GATE)
                x = GATE(VEC, x, *(const VEC *)(gate + m * c_row));
            *(VEC *)(C + m * c_row) = x;
        }
    }
}

static void NAME(product)(const fastgd_tiles *t)
{
    NAME(all_tiles)(t, 0, NAME(product_tile_table));
}

static void NAME(transposed_product)(const fastgd_tiles *t)
{
    NAME(all_tiles)(t, 1, NAME(transposed_tile_table));
}

TILE void NAME(sums_tile)(int halves, const fastgd_tiles *t, int64_t n)
{
    const REAL *B = (const REAL *)t->B + n;
    int64_t k = 0;
    HALFVEC s[4][4];
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++)
#pragma GCC unroll 4
        for (int h = 0; h < halves; h++)
            s[i][h] = (HALFVEC){0};
    for (; k + 4 <= t->K; k += 4)
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++)
#pragma GCC unroll 4
            for (int h = 0; h < halves; h++)
                s[i][h] += *(const HALFVEC *)(B + (k + i) * t->b_row + h * HALF_LANES);
#pragma GCC unroll 4
    for (int i = 0; i < 3; i++)
        if (k + i < t->K)
#pragma GCC unroll 4
            for (int h = 0; h < halves; h++)
                s[i][h] += *(const HALFVEC *)(B + (k + i) * t->b_row + h * HALF_LANES);
#pragma GCC unroll 4
    for (int h = 0; h < halves; h++)
        *(HALFVEC *)((REAL *)t->C + n + h * HALF_LANES) = (s[0][h] + s[1][h]) + (s[2][h] + s[3][h]);
}

static void NAME(column_sums)(const fastgd_tiles *t)
{
    for (int64_t n = 0; n < t->N; n += 2 * HALF_LANES)
        if (t->N - n <= HALF_LANES)
            NAME(sums_tile)(1, t, n);
        else
            NAME(sums_tile)(2, t, n);
}

/* Elements of a and b by their places in both. Before version 12 gcc lacks clang's function. */
#if defined(__clang__)
#define PICK(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#if SINGLE
typedef int32_t NAME(places) __attribute__((vector_size(16)));
#else
typedef int64_t NAME(places) __attribute__((vector_size(32)));
#endif
#define PICK(a, b, ...) __builtin_shuffle(a, b, (NAME(places)){__VA_ARGS__})
#endif

/* columns[j] = the four elements j of the rows a. */
TILE void NAME(transpose_square)(const REAL *const *a, NAME(quad) *columns)
{
    typedef NAME(quad) quad;
    const quad r0 = *(const quad *)a[0], r1 = *(const quad *)a[1];
    const quad r2 = *(const quad *)a[2], r3 = *(const quad *)a[3];
    const quad low01 = PICK(r0, r1, 0, 4, 1, 5);
    const quad low23 = PICK(r2, r3, 0, 4, 1, 5);
    const quad high01 = PICK(r0, r1, 2, 6, 3, 7);
    const quad high23 = PICK(r2, r3, 2, 6, 3, 7);
    columns[0] = PICK(low01, low23, 0, 1, 4, 5);
    columns[1] = PICK(low01, low23, 2, 3, 6, 7);
    columns[2] = PICK(high01, high23, 0, 1, 4, 5);
    columns[3] = PICK(high01, high23, 2, 3, 6, 7);
}

/* By squares of four, whose last rows may repeat; rows of C have room for whole squares. */
LOOP void NAME(transpose)(int64_t M, int64_t N, const REAL *A, int64_t a_row, REAL *C,
                          int64_t c_row)
{
    for (int64_t m = 0; m < M; m += 4) {
        const REAL *a[4];
        for (int i = 0; i < 4; i++)
            a[i] = A + (m + i < M ? m + i : M - 1) * a_row;
        for (int64_t n = 0; n < N; n += 4) {
            NAME(quad) columns[4];
            NAME(transpose_square)(a, columns);
            for (int j = 0; j < 4; j++) {
                *(NAME(quad) *)(C + (n + j) * c_row + m) = columns[j];
                a[j] += 4;
            }
        }
    }
}

/* C[m] = start + A[m, 0] B[0] + A[m, 1] B[1] + ..., four rows at once; rows of A are read up to
   whole squares. */
LOOP void NAME(row_sums)(int64_t M, int64_t K, const REAL *A, int64_t a_row, const REAL *B,
                         REAL start, REAL *C)
{
    for (int64_t m = 0; m < M; m += 4) {
        const REAL *a[4];
        NAME(quad) columns[4], sums = {start, start, start, start};
        int64_t k = 0;
        for (int i = 0; i < 4; i++)
            a[i] = A + (m + i < M ? m + i : M - 1) * a_row;
        for (; k + 4 <= K; k += 4) {
            NAME(transpose_square)(a, columns);
            for (int j = 0; j < 4; j++) {
                sums = NAME(multiply_add_quad)(B[k + j], columns[j], sums);
                a[j] += 4;
            }
        }
        if (k < K) {
            NAME(transpose_square)(a, columns);
            sums = NAME(multiply_add_quad)(B[k], columns[0], sums);
            if (k + 1 < K)
                sums = NAME(multiply_add_quad)(B[k + 1], columns[1], sums);
            if (k + 2 < K)
                sums = NAME(multiply_add_quad)(B[k + 2], columns[2], sums);
        }
        if (m + 4 <= M)
            *(NAME(quad) *)(C + m) = sums;
        else
            for (int i = 0; m + i < M; i++)
                C[m + i] = sums[i];
    }
}

#include "kernels/row_squares.h"

#undef VEC
#undef HALFVEC
#undef LANES_OF
#undef HALF_LANES
#undef RELU
#undef GATE
#undef EACH_SUM
#undef LOAD_B
#undef PICK
#undef INSTANCE
#undef INSTANCES
#undef ENTRIES
#undef TABLE
#undef TILE_ARGUMENTS
#endif
