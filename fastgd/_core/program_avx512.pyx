include "program.pxi"
include "probe.pxi"
include "peak.pxi"
