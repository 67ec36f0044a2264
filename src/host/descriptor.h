// Open files and what the system says when they do not open.
#ifndef PENUMBRA_HOST_DESCRIPTOR_H_
#define PENUMBRA_HOST_DESCRIPTOR_H_

#include <unistd.h>

#include <cerrno>

#include "boundary/status.h"

namespace penumbra::host {

inline Status StatusOfErrno(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return Status::kNotFound;
    case EACCES:
    case EPERM:
    case EROFS:
      return Status::kPermission;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return Status::kNoSpace;
    default:
      return Status::kIo;
  }
}

// Closes the file when it goes. Negative: none.
class Descriptor {
 public:
  explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
  ~Descriptor() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return descriptor_; }

 private:
  int descriptor_;
};

}  // namespace penumbra::host

#endif  // PENUMBRA_HOST_DESCRIPTOR_H_
