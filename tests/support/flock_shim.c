// SPDX-License-Identifier: Apache-2.0
// For LD_PRELOAD: a file system whose flock lies, as some network file systems do. FLOCK_SHIM says how: "succeeds" gives every
// lock to everybody; a number is the errno with which every lock fails.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

int flock(int descriptor, int operation) {
  (void)descriptor;
  char const* const how = getenv("FLOCK_SHIM");
  if (how == NULL || strcmp(how, "succeeds") == 0 || (operation & LOCK_UN) != 0) return 0;
  errno = atoi(how);
  return -1;
}
