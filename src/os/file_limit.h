// How many files and sockets this process may have open.
#pragma once

namespace selvage::os {

// As many as the system allows it without asking: the soft limit becomes the hard one, as Go's runtime does at start. A
// server with the usual soft limit of 1024 would run out of descriptors in a crowd.
void raise_file_limit();

}  // namespace selvage::os
