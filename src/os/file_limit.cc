#include "os/file_limit.h"

#include <sys/resource.h>

namespace selvage::os {

void raise_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);  // what is left is what was there before
}

}  // namespace selvage::os
