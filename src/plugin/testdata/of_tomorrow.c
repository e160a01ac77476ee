/* Built for a version of the interface that this peer does not have, and with one function only. */
#include "plugin/plugin_abi.h"

static const selvage_auth_filter filter = {SELVAGE_PLUGIN_ABI_VERSION + 1, NULL, NULL, NULL};

const selvage_auth_filter* selvage_auth_filter_table(void) { return &filter; }
