from fastgd._core.kernels_baseline import *
