from fastgd._core.program_baseline import *
