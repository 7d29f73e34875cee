# The codes of activations, losses and metrics; see types.pxd.

cpdef enum Activation:
    ACTIVATION_LINEAR = 0, ACTIVATION_RELU, ACTIVATION_SIGMOID, ACTIVATION_TANH
    ACTIVATION_SOFTMAX          # a dense layer can apply the kinds so far in place
    ACTIVATION_RECTIFIER        # settings: negative slope, largest value, threshold
    ACTIVATION_ELU              # alpha
    ACTIVATION_SELU
    ACTIVATION_CELU             # alpha
    ACTIVATION_GELU, ACTIVATION_GELU_TANH, ACTIVATION_SILU, ACTIVATION_MISH
    ACTIVATION_SOFTPLUS, ACTIVATION_SOFTSIGN
    ACTIVATION_SQUAREPLUS       # b
    ACTIVATION_SPARSE_PLUS, ACTIVATION_SPARSE_SIGMOID, ACTIVATION_LOG_SIGMOID
    ACTIVATION_EXPONENTIAL, ACTIVATION_TANH_SHRINK
    ACTIVATION_SOFT_SHRINK      # threshold
    ACTIVATION_HARD_SHRINK      # threshold
    ACTIVATION_HARD_TANH, ACTIVATION_HARD_SIGMOID, ACTIVATION_HARD_SILU
    ACTIVATION_THRESHOLD        # threshold, default value
    ACTIVATION_LOG_SOFTMAX

cpdef enum Loss:
    LOSS_NONE = 0, LOSS_MEAN_SQUARED_ERROR, LOSS_MEAN_ABSOLUTE_ERROR
    LOSS_BINARY_CROSSENTROPY                      # of probabilities
    LOSS_BINARY_CROSSENTROPY_LOGITS
    LOSS_CATEGORICAL_CROSSENTROPY, LOSS_CATEGORICAL_CROSSENTROPY_LOGITS
    LOSS_SPARSE_CATEGORICAL_CROSSENTROPY
    LOSS_SPARSE_CATEGORICAL_CROSSENTROPY_LOGITS   # the settings of each: see loss_points.pxi,
    LOSS_MEAN_ABSOLUTE_PERCENTAGE_ERROR           # loss_categories.pxi and loss_vectors.pxi
    LOSS_MEAN_SQUARED_LOGARITHMIC_ERROR
    LOSS_HUBER, LOSS_LOG_COSH, LOSS_HINGE, LOSS_SQUARED_HINGE, LOSS_POISSON
    LOSS_POISSON_LOG                              # of the logarithm of the mean
    LOSS_GAMMA, LOSS_GAMMA_LOG, LOSS_TWEEDIE, LOSS_TWEEDIE_LOG
    LOSS_BINARY_FOCAL_CROSSENTROPY, LOSS_BINARY_FOCAL_CROSSENTROPY_LOGITS
    LOSS_CATEGORICAL_FOCAL_CROSSENTROPY, LOSS_CATEGORICAL_FOCAL_CROSSENTROPY_LOGITS
    LOSS_CATEGORICAL_HINGE, LOSS_COSINE_SIMILARITY, LOSS_KL_DIVERGENCE, LOSS_QUANTILE
    LOSS_GAUSSIAN_NEGATIVE_LOG_LIKELIHOOD
    LOSS_FISSLER_ZIEGEL                           # see loss_forecasts.pxi
    LOSS_GAUSSIAN_CRPS
    LOSS_SHARPE, LOSS_SORTINO                     # of a whole batch, see loss_batches.pxi
    LOSS_COMPILED                                 # user-defined functions, see LossTerm
    LOSS_ACTIVITY                                 # a penalty on outputs; settings: l1, l2

cpdef enum Metric:
    # Of rows: each row has a value.
    METRIC_LOSS = 1                     # a loss; settings: its code, then its settings
    METRIC_ACCURACY
    METRIC_BINARY_ACCURACY              # settings: threshold
    METRIC_CATEGORICAL_ACCURACY
    METRIC_SPARSE_CATEGORICAL_ACCURACY
    METRIC_TOP_K                        # settings: k, sparse, whether predictions are class numbers
    METRIC_BRIER_SCORE
    METRIC_PEARSON                      # along a row
    METRIC_CONCORDANCE
    # Collecting: each row adds to several sums. From METRIC_COUNTS on.
    METRIC_COUNTS                       # between thresholds, see counts.pxi
    METRIC_CLASS_COUNTS                 # settings: threshold, or NaN for the largest
    METRIC_CONFUSION                    # see confusion.pxi
    METRIC_MOMENTS                      # see moments.pxi
    METRIC_CALIBRATION                  # settings: bins
