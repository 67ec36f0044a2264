// What every verb writes to: results to standard output, everything else to standard error.
#ifndef PENUMBRA_CLI_CONSOLE_H_
#define PENUMBRA_CLI_CONSOLE_H_

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "penumbra/penumbra.h"

namespace penumbra::cli {

using Json = nlohmann::ordered_json;

// The global flags.
struct Globals {
  std::string log_level = "info";   // debug, info, warning, error
  std::string log_format = "text";  // text, json
  bool json = false;
  bool quiet = false;
  bool no_progress = false;
};

using Row = std::vector<std::string>;

class Console {
 public:
  explicit Console(const Globals& globals);

  const Env& env() const { return env_; }
  void Log(LogLevel level, const std::string& line) const;

  // The result: the JSON document under --json, else `text`. Called once by each verb.
  // `document` gets the members "schema" and "verb" in front (docs/json_schema.md).
  void Result(const std::string& verb, const Json& document, const std::string& text) const;
  void Failure(const std::string& verb, const std::string& code, const std::string& message) const;

  // A line that replaces itself; nothing unless standard error is a terminal. done in [0, 1].
  void Progress(const std::string& what, double done) const;
  void EndProgress() const;

 private:
  Globals globals_;
  bool progress_;
  Env env_;
};

// Columns as wide as their widest cell. The first row is the head; columns of numbers stand to the
// right.
std::string Table(const std::vector<Row>& rows);

std::string ShapeText(const std::vector<int64_t>& shape);  // "1x3x32x32"
std::string SizeText(uint64_t size);                       // "1.5 MiB"
// How replies are checked, if they are.
std::string IntegrityText(uint32_t soundness_bits, const FingerprintInfo& fingerprints);
Json FingerprintsJson(const FingerprintInfo& fingerprints);
std::string Fixed(double value, int digits);
std::string NumberText(const Json& json, int digits);  // "-" for what is no number
Json PortsJson(const std::vector<TensorInfo>& ports);

}  // namespace penumbra::cli

#endif  // PENUMBRA_CLI_CONSOLE_H_
