"""The kernels and their table: translated once, and compiled for each instruction set."""

from cpython.pycapsule cimport PyCapsule_New
from libc.math cimport INFINITY
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from fastgd._core.chacha cimport BLOCK_WORDS, BLOCKS, chacha
from fastgd._core.clock cimport now
from fastgd._core.linear cimport *
from fastgd._core.network cimport *
from fastgd._core.normal cimport two_normals, unit_number
from fastgd._core.optimizer cimport *
from fastgd._core.random cimport draw
from fastgd._core.scalar cimport (
    absolute, exponent_part, exponential, fmadd, hyperbolic_tangent, is_finite, log_of_parts,
    log_one_plus, logarithm, mantissa_part, power_of_two, real, reduced_high, select,
    shifted_exponent, sigmoid, softplus, square_root, subtract_low, unshifted, with_sign_of,
)
from fastgd._core.team cimport share_begin
from fastgd._core.types cimport *

include "kernels/gemm.pxi"
include "kernels/sums.pxi"
include "kernels/narrow.pxi"
include "kernels/columns.pxi"
include "kernels/blocks.pxi"

# networks
include "kernels/operations.pxi"
include "kernels/activation_table.pxi"
include "kernels/activations.pxi"
include "kernels/points.pxi"
include "kernels/dense.pxi"
include "kernels/losses.pxi"
include "kernels/calls.pxi"
include "kernels/metrics.pxi"
include "kernels/counts.pxi"
include "kernels/confusion.pxi"
include "kernels/moments.pxi"
include "kernels/step_settings.pxi"
include "kernels/weights.pxi"
include "kernels/updates.pxi"
include "kernels/norms.pxi"
include "kernels/variables.pxi"
include "kernels/update_steps.pxi"
include "kernels/constraints.pxi"
include "kernels/penalties.pxi"
include "kernels/network.pxi"
include "kernels/merge.pxi"
include "kernels/affine.pxi"
include "kernels/noise.pxi"
include "kernels/batchnorm.pxi"
include "kernels/normalization.pxi"
include "kernels/embedding.pxi"
include "kernels/prelu.pxi"
include "kernels/split.pxi"
include "kernels/ordered.pxi"
include "kernels/gradients.pxi"
include "kernels/scores.pxi"
include "kernels/private_norms.pxi"
include "kernels/chain.pxi"
include "kernels/finite.pxi"
include "kernels/unit.pxi"
include "kernels/shuffle.pxi"
include "kernels/private_noise.pxi"
include "kernels/private_sample.pxi"
include "kernels/descent.pxi"

# linear models
include "kernels/linear_lines.pxi"
include "kernels/linear_rows.pxi"
include "kernels/linear_losses.pxi"
include "kernels/linear_rates.pxi"
include "kernels/linear_steps.pxi"
include "kernels/linear_blocks.pxi"
include "kernels/linear_objective.pxi"
include "kernels/gram.pxi"
include "kernels/gram_descent.pxi"
include "kernels/coordinate_descent.pxi"
include "kernels/algebra.pxi"

include "kernels/peak.pxi"


cdef void fill(NetworkKernels* table, real of_type) noexcept:
    """Enter the kernels of a data type, which `of_type` selects."""
    table.half = HALF
    table.lanes = LANES
    table.rows = ROWS
    table.panel_bytes = PANEL_BYTES
    table.orthogonal_block = ORTHOGONAL_BLOCK
    table.forward = <ForwardKernel>forward[real]
    table.backward = <BackwardKernel>backward[real]
    table.clip_rows = <ClipRowsKernel>clip_rows[real]
    table.score = <ScoreKernel>score[real]
    table.add_scores = <AddScoresKernel>add_scores[real]
    table.share_gradients = <ShareGradientsKernel>share_gradients[real]
    table.chunk_gradients = <ChunkGradientsKernel>chunk_gradients[real]
    table.add_chunks = <AddChunksKernel>add_chunks[real]
    table.chain_bytes = chain_bytes
    table.begin_chain = <BeginChainKernel>begin_chain[real]
    table.chain_step = <ChainStepKernel>chain_step[real]
    table.batch_share = <BatchShareKernel>batch_share[real]
    table.penalty_value = <PenaltyKernel>penalty_value[real]
    table.add_penalty_gradients = <AddPenaltyGradientsKernel>add_penalty_gradients[real]
    table.move_moments = <MoveMomentsKernel>move_moments[real]
    table.constrain = <ConstrainKernel>constrain_variables[real]
    table.gather = <GatherKernel>gather[real]
    table.point = <PointKernel>point[real]
    table.copy_outputs = <CopyOutputsKernel>copy_outputs[real]
    table.take_output_gradients = <TakeGradientsKernel>take_output_gradients[real]
    table.check_gradients = <CheckGradientsKernel>check_gradients[real]
    table.update = <UpdateKernel>update_share[real]
    table.step_scales = step_scales
    table.logarithm = <LogarithmKernel>logarithm[double]
    table.permute = permute
    table.add_noise = <AddNoiseKernel>add_noise[real]
    table.draw_sample = draw_sample
    table.train_unit = <TrainUnitKernel>train_unit[real]
    table.all_finite = <FiniteKernel>all_finite[real]
    table.all_between = <TargetsKernel>all_between[real]
    table.find_nonfinite = <NonfiniteKernel>find_nonfinite[real]
    table.descent_sums = <DescentSumsKernel>descent_sums[real]
    table.descent_step = <DescentStepKernel>descent_step[real]


cdef void fill_linear(LinearKernels* table) noexcept:
    table.lanes = LANES
    table.panel_bytes = PANEL_BYTES
    table.decide = decide
    table.dot = dot_of
    table.losses = linear_losses
    table.multinomial_slopes = multinomial_slopes
    table.sigmoids = sigmoids
    table.row_squares = row_squares
    table.column_scales = column_scales
    table.largest = largest_of
    table.run_heads = run_heads
    table.row_step = row_step
    table.batch_step = batch_step
    table.head_decision = head_decision
    table.begin_head = begin_head
    table.settle_head = settle_head
    table.optimal_start = optimal_start
    table.objective_block = objective_block
    table.dense_gram = dense_gram
    table.sparse_gram = sparse_gram
    table.gram_descent = gram_descent
    table.form_left = form_left
    table.coordinate_sweep = coordinate_sweep
    table.coordinates_end = coordinates_end
    table.row_products = row_products
    table.cholesky = cholesky
    table.cholesky_solve = cholesky_solve
    table.eigenvalues = eigenvalues


cdef Kernels table
fill(&table.network[0], <float>0)
fill(&table.network[1], <double>0)
enter_losses(loss_loops[0], <float>0)
enter_losses(loss_loops[1], <double>0)
enter_activations(activations[0], <float>0)
enter_activations(activations[1], <double>0)
enter_operations(operations[0], <float>0)
enter_operations(operations[1], <double>0)
fill_linear(&table.linear)

#: A capsule with the table, for the engine.
kernels = PyCapsule_New(&table, NULL, NULL)
