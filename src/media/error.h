// The one exception type of the media room: data of a user that cannot be read, understood or
// written.
#ifndef PENUMBRA_MEDIA_ERROR_H_
#define PENUMBRA_MEDIA_ERROR_H_

#include <stdexcept>
#include <string>

#include "boundary/status.h"

namespace penumbra::media {

// what() is "<reason> [<where>]; <hint>", without the parts that are empty. Names files and
// offsets, never a value of a tensor.
class MediaError : public std::runtime_error {
 public:
  MediaError(Status status, const std::string& reason, const std::string& where = {},
             const std::string& hint = {})
      : std::runtime_error(reason + (where.empty() ? "" : " [" + where + "]") +
                           (hint.empty() ? "" : "; " + hint)),
        status_(status),
        reason_(reason),
        where_(where),
        hint_(hint) {}

  Status status() const { return status_; }
  const std::string& reason() const { return reason_; }
  const std::string& where() const { return where_; }
  const std::string& hint() const { return hint_; }

  // The same error, its place preceded by an outer one (usually a file).
  MediaError In(const std::string& outer) const {
    return MediaError(status_, reason_, where_.empty() ? outer : outer + ", " + where_, hint_);
  }

 private:
  Status status_;
  std::string reason_, where_, hint_;
};

}  // namespace penumbra::media

#endif  // PENUMBRA_MEDIA_ERROR_H_
