// Text in SVG and HTML.
#ifndef PENUMBRA_CLI_MARKUP_H_
#define PENUMBRA_CLI_MARKUP_H_

#include <string>

namespace penumbra::cli {

// Names are the model's: markup in them is text, control characters are nothing a picture may hold.
std::string Escaped(const std::string& text);

}  // namespace penumbra::cli

#endif  // PENUMBRA_CLI_MARKUP_H_
