// The one exception type of the host room, and the words for every status code.
#ifndef PENUMBRA_HOST_ERROR_H_
#define PENUMBRA_HOST_ERROR_H_

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

#include "boundary/status.h"

namespace penumbra::host {

// "P302": the stable code users and scripts rely on.
std::string StatusCode(Status status);

// One sentence without a full stop: what the status means to the person who ran the command.
std::string_view StatusMeaning(Status status);

// What to try next; empty when there is nothing general to say.
std::string_view StatusAdvice(Status status);

// what() is one line, "P302: <what> [<where>]; <hint>". Messages name files, offsets, ports and
// sizes, never a tensor value or a key.
class HostError : public std::runtime_error {
 public:
  // An empty `hint` is replaced by StatusAdvice(status).
  explicit HostError(Status status, const std::string& what, const std::string& where = {},
                     const std::string& hint = {});

  Status status() const { return status_; }

  // The same error, its place preceded by an outer one (usually a file).
  HostError In(const std::string& outer) const;

 private:
  Status status_;
  std::string reason_, where_, hint_;
};

// "file offset 4096"
std::string AtOffset(uint64_t offset);

}  // namespace penumbra::host

#endif  // PENUMBRA_HOST_ERROR_H_
