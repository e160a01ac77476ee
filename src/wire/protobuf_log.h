// Where libprotobuf's own complaints go.
#pragma once

namespace selvage::wire {

// libprotobuf writes to stderr when bytes from outside do not parse ("... contains invalid UTF-8 data"), past our log's
// format, levels and limits: a stranger could fill the log. From now on such lines are debug lines of logger
// "protobuf"; the parse fails as before. Once, first in main(); any later call does nothing.
void route_protobuf_log();

}  // namespace selvage::wire
