from fastgd._core.linear_baseline import *
