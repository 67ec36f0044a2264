// UTF-8 checks for names that come from files (RFC 3629).
#ifndef PENUMBRA_HOST_UTF8_H_
#define PENUMBRA_HOST_UTF8_H_

#include <string_view>

namespace penumbra::host {

// Well-formed: shortest forms only, no surrogates, nothing above U+10FFFF.
bool IsUtf8(std::string_view text);

// Well-formed and without control characters (U+0000..U+001F, U+007F..U+009F), so that a name can
// be written to a terminal or a log as it is.
bool IsPrintableUtf8(std::string_view text);

}  // namespace penumbra::host

#endif  // PENUMBRA_HOST_UTF8_H_
