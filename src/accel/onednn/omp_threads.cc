#include "accel/onednn/omp_threads.h"

// oneDNN of Debian runs on libgomp. Declared here because clang ships no omp.h of gcc's.
extern "C" {
void omp_set_num_threads(int threads);
int omp_get_max_threads(void);
}

namespace penumbra::onednn {

OmpThreads::OmpThreads(uint32_t threads) : before_(omp_get_max_threads()) {
  omp_set_num_threads(static_cast<int>(threads));
}
OmpThreads::~OmpThreads() { omp_set_num_threads(before_); }

void UseOneOmpThread() { omp_set_num_threads(1); }

}  // namespace penumbra::onednn
