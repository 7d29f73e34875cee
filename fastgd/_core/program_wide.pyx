include "program.pxi"
include "probe.pxi"
