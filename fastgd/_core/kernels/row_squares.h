/* The squares of the lengths of rows, for tiles.h, which includes this for each data type.

       row_squares          C[m] = A[m, 0]^2 + A[m, 1]^2 + ...

   Rows lie a_row elements apart, or where `rows` points to; nothing beyond K is read. Sixteen partial
   sums are folded into four, to which what is left of the row is added by fours; then lanes run over
   four rows. The order depends on K alone: the bits are those of any other build. Products are
   rounded before they are added, which every instruction set does alike and fast. */

/* The last `rest` of the first K elements in the last lanes, and zeros in the others; rest < 4. */
TILE NAME(quad) NAME(last_elements)(const REAL *a, int64_t K, int64_t rest)
{
    const NAME(quad) lanes = {0, 1, 2, 3};
    const REAL first = (REAL)(4 - rest);
    if (K < 4)
        return (NAME(quad)){0, K == 3 ? a[0] : 0, K >= 2 ? a[K - 2] : 0, a[K - 1]};
    const NAME(quad) q = *(const NAME(quad) *)(a + K - 4);
    return GATE(NAME(quad), q, lanes - first + 1);
}

/* The sums over the first whole sixteens of four rows, folded. */
TILE void NAME(sixteens)(int64_t K, const REAL *const *a, NAME(quad) *sums)
{
    VEC s[4][16 / LANES_OF];
    int64_t k = 0;
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++)
#pragma GCC unroll 8
        for (int c = 0; c < 16 / LANES_OF; c++)
            s[i][c] = (VEC){0};
    do {
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++)
#pragma GCC unroll 8
            for (int c = 0; c < 16 / LANES_OF; c++) {
                const VEC v = *(const VEC *)(a[i] + k + c * LANES_OF);
                s[i][c] += v * v;
            }
        k += 16;
    } while (k + 16 <= K);
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        REAL line[16];
#pragma GCC unroll 8
        for (int c = 0; c < 16 / LANES_OF; c++)
            *(VEC *)(line + c * LANES_OF) = s[i][c];
        const NAME(quad) *q = (const NAME(quad) *)line;
        sums[i] = (q[0] + q[2]) + (q[1] + q[3]);
    }
}

/* Of four rows, in the lanes of a quad. For K < 16 `quads`, a constant, is K / 4, else -1. */
TILE NAME(quad) NAME(four_squares)(int quads, int64_t K, int64_t rest, const REAL *const *a)
{
    NAME(quad) sums[4] = {{0}, {0}, {0}, {0}}, pairs[2];
    if (quads < 0)
        NAME(sixteens)(K, a, sums);
    for (int64_t k = quads < 0 ? K / 16 * 16 : 0; k + 4 <= (quads < 0 ? K : 4 * quads); k += 4)
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++) {
            const NAME(quad) q = *(const NAME(quad) *)(a[i] + k);
            sums[i] += q * q;
        }
    if (rest)
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++) {
            const NAME(quad) q = NAME(last_elements)(a[i], K, rest);
            sums[i] += q * q;
        }
    for (int i = 0; i < 2; i++)
        pairs[i] = PICK(sums[2 * i], sums[2 * i + 1], 0, 4, 1, 5) +
                   PICK(sums[2 * i], sums[2 * i + 1], 2, 6, 3, 7);
    return PICK(pairs[0], pairs[1], 0, 1, 4, 5) + PICK(pairs[0], pairs[1], 2, 3, 6, 7);
}

TILE void NAME(all_squares)(int quads, int64_t M, int64_t K, const void *const *rows,
                            const REAL *A, int64_t a_row, REAL *C)
{
    const int64_t rest = K % 4;
    const REAL *a[4];
    int64_t m = 0;
    for (; m + 4 <= M; m += 4) {
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++) {
            a[i] = rows ? (const REAL *)rows[m + i] : A + (m + i) * a_row;
            __asm__("" : "+r"(a[i])); /* or gcc computes the addresses in vectors */
        }
        *(NAME(quad) *)(C + m) = NAME(four_squares)(quads, K, rest, a);
    }
    if (m < M) {
        for (int i = 0; i < 4; i++) {
            const int64_t row = m + i < M ? m + i : M - 1;
            a[i] = rows ? (const REAL *)rows[row] : A + row * a_row;
        }
        const NAME(quad) sums = NAME(four_squares)(quads, K, rest, a);
        for (int i = 0; m + i < M; i++)
            C[m + i] = sums[i];
    }
}

LOOP void NAME(row_squares)(int64_t M, int64_t K, const void *const *rows, const REAL *A,
                            int64_t a_row, REAL *C)
{
    if (K == 1 && !rows && a_row == 1)
        for (int64_t m = 0; m < M; m++)
            C[m] = A[m] * A[m];
    else if (K >= 16)
        NAME(all_squares)(-1, M, K, rows, A, a_row, C);
    else if (K >= 12)
        NAME(all_squares)(3, M, K, rows, A, a_row, C);
    else if (K >= 8)
        NAME(all_squares)(2, M, K, rows, A, a_row, C);
    else if (K >= 4)
        NAME(all_squares)(1, M, K, rows, A, a_row, C);
    else
        NAME(all_squares)(0, M, K, rows, A, a_row, C);
}
